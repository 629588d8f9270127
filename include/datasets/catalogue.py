"""The datasets that the project knows, each a declaration; where their bytes come from is `sources`' business."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from include.errors import UnknownDatasetError

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"


@dataclass(frozen=True)
class DataFile:
    """One IDX file by its uncompressed name, and the SHA-256 (hex) of it or of its gzip archive; "" is unknown."""

    name: str
    sha256: str = ""
    archive_sha256: str = ""


@dataclass(frozen=True)
class Dataset:
    """An MNIST-shaped dataset: four IDX files of uint8 images and labels.

    classes: a name for each label, in the labels' order, at most 256.
    mirrors: base URLs that serve `<file>.gz` or `<file>`, tried in order; none: the data is bundled with a library.
    files: train images, train labels, test images, test labels.
    validation: how many training images the validation split takes unless told otherwise (a count, or a fraction).
    """

    name: str
    title: str
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    files: tuple[DataFile, DataFile, DataFile, DataFile]
    validation: int | float = 5000


_DIGITS = tuple("0123456789")

# Checksums of the original MNIST files, uncompressed.
_MNIST = Dataset(
    name="mnist",
    title="MNIST handwritten digits",
    classes=_DIGITS,
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    files=(
        DataFile(TRAIN_IMAGES, sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        DataFile(TRAIN_LABELS, sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        DataFile(TEST_IMAGES, sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        DataFile(TEST_LABELS, sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
)

# Checksums of the archives, as TensorFlow Datasets and torchvision list them.
_FASHION_MNIST = Dataset(
    name="fashion-mnist",
    title="Fashion-MNIST, Zalando's articles",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    files=(
        DataFile(TRAIN_IMAGES, archive_sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        DataFile(TRAIN_LABELS, archive_sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        DataFile(TEST_IMAGES, archive_sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        DataFile(TEST_LABELS, archive_sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
)

# Checksums of the archives, as TensorFlow Datasets and torchvision list them.
_KMNIST = Dataset(
    name="kmnist",
    title="Kuzushiji-MNIST, cursive Japanese characters",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    mirrors=(
        "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    ),
    files=(
        DataFile(TRAIN_IMAGES, archive_sha256="51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
        DataFile(TRAIN_LABELS, archive_sha256="e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
        DataFile(TEST_IMAGES, archive_sha256="edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
        DataFile(TEST_LABELS, archive_sha256="20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
    ),
)

_SKLEARN_DIGITS = Dataset(
    name="digits",
    title="scikit-learn's handwritten digits, enlarged to 28x28",
    classes=_DIGITS,
    mirrors=(),
    files=(DataFile(TRAIN_IMAGES), DataFile(TRAIN_LABELS), DataFile(TEST_IMAGES), DataFile(TEST_LABELS)),
    validation=0.1,
)

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {dataset.name: dataset for dataset in (_MNIST, _FASHION_MNIST, _KMNIST, _SKLEARN_DIGITS)}
)


def find_dataset(name: str) -> Dataset:
    """The dataset of this name. Raises UnknownDatasetError, which names the known ones."""
    if name not in DATASETS:
        raise UnknownDatasetError(f"Unknown dataset {name!r}: choose one of {', '.join(DATASETS)}")
    return DATASETS[name]
