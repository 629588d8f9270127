"""A serialised tf.train.Example of an empty image, as bytes with two holes: the label and the pixels.

The features are those of TensorFlow's classic `convert_to`: height, width, depth, label (int64), image_raw (bytes).
Protobuf's wire format: protobuf.dev/programming-guides/encoding; messages: tensorflow/core/example/example.proto.
"""

from dataclasses import dataclass

_LENGTH_DELIMITED = 2  # wire type of strings, bytes and messages


@dataclass(frozen=True)
class Template:
    """The message, and where in it the label's varint (1 byte, or 2 from 128 up) and the pixels begin."""

    message: bytes
    label_at: int
    pixels_at: int


def template(shape: tuple[int, int, int], *, wide_label: bool) -> Template:
    """The message of a black image of (height, width, depth); wide_label makes room for a label of 128 or more."""
    height, width, depth = shape
    pixels = height * width * depth
    sizes = {"height": height, "width": width, "depth": depth}
    label = _entry("label", _int64_feature(b"\x80\x01" if wide_label else b"\x00"))
    image = _entry("image_raw", _field(1, _field(1, bytes(pixels))))
    features = b"".join(_entry(name, _int64_feature(_varint(size))) for name, size in sizes.items())
    message = _field(1, features + label + image)
    return Template(message, len(message) - len(image) - (2 if wide_label else 1), len(message) - pixels)


def _int64_feature(varint: bytes) -> bytes:
    return _field(3, _field(1, varint))


def _entry(name: str, feature: bytes) -> bytes:
    """An entry of the map `Features.feature`: key is field 1, value is field 2."""
    return _field(1, _field(1, name.encode()) + _field(2, feature))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
