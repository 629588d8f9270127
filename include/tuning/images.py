"""The registry path of a study's training image, asked of the SageMaker SDK, or packed for where the SDK is not.

On Python 3.12 the SDK can't be installed beside Airflow, so an archive for Amazon MWAA brings the SDK's answers along
(docs/deploy-to-aws.md).
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from include.errors import ImageError
from include.tuning.study import Study

PACKED = Path(__file__).with_name("training_images.json")
_INSTANCE = {"cpu": "ml.m5.xlarge", "gpu": "ml.g4dn.xlarge"}
"""A type that gets each kind of image."""


def training_image(study: Study, region: str, instance_type: str) -> str:
    """The study's framework image. Raises ImageError with the reason where there is none."""
    try:
        from sagemaker.core import image_uris
    except ModuleNotFoundError:
        return _packed(study, region, instance_type)
    try:
        uri: str = image_uris.retrieve(
            study.framework,
            region,
            version=study.framework_version,
            instance_type=instance_type,
            image_scope="training",
        )
    except (ValueError, KeyError) as error:
        raise ImageError(f"{_none(study, region, instance_type)}: {' '.join(str(error).split())}") from error
    return uri


def packed_images(studies: Iterable[Study]) -> dict[str, Any]:
    """What PACKED holds: {"<framework> <version>": {region: {"cpu": URI, "gpu": URI}}}, asked of the SDK."""
    from sagemaker.core import image_uris

    table: dict[str, Any] = {}
    for study in studies:
        known = image_uris.config_for_framework(study.framework)["training"]
        version = known.get("version_aliases", {}).get(study.framework_version, study.framework_version)
        if version not in known["versions"]:
            what = _none(study, "any region", "any instance type")
            raise ImageError(f"{what}: the SDK has {', '.join(known['versions'])}")
        regions = known["versions"][version]["registries"]
        table[_key(study)] = {
            region: {kind: training_image(study, region, instance) for kind, instance in _INSTANCE.items()}
            for region in regions
        }
    return table


def _packed(study: Study, region: str, instance_type: str) -> str:
    table = json.loads(PACKED.read_text()) if PACKED.exists() else {}
    kind = _kind(instance_type)
    uri: str = table.get(_key(study), {}).get(region, {}).get(kind, "")
    if not uri:
        known = f"{PACKED.name} knows {', '.join(table) or 'none'}; pack it again with `make mwaa`"
        raise ImageError(f"{_none(study, region, instance_type)}: the SageMaker SDK is not installed, and {known}")
    return uri


def _kind(instance_type: str) -> str:
    """The SDK's rule (sagemaker.core.image_uris, `_processor`): families that begin with g or p have a GPU."""
    family = instance_type.removeprefix("ml.")
    if re.match(r"(inf|trn)\d", family):
        return "neuron"
    return "gpu" if family[:1] in ("g", "p") else "cpu"


def _key(study: Study) -> str:
    return f"{study.framework} {study.framework_version}"


def _none(study: Study, region: str, instance_type: str) -> str:
    return f"no {_key(study)} training image for {instance_type} in {region}"
