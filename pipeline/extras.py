"""Which extra of the installation brings a package that a stage or a command may need."""

EXTRAS: dict[str, str] = {
    "datasets": "export",
    "face_alignment": "detectors",
    "facexlib": "detectors",
    "flyr": "thermal",
    "gcsfs": "export",
    "lap": "bodies",
    "lightning_fabric": "train",
    "lmdb": "export",
    "mlcroissant": "export",
    "orjson": "export",
    "peft": "train",
    "pycocotools": "export",
    "ray": "ray",
    "s3fs": "export",
    "safetensors": "train",
    "timm": "train",
    "torchvision": "bodies",
    "ultralytics": "bodies",
    "webdataset": "export",
}
"""Extra by the name that is imported; what stands here is not installed by default."""


def missing_words(error: ModuleNotFoundError) -> str | None:
    """Say which extra to install; None where the missing module is of none.

    Args:
        error: of the import.
    """
    name = (error.name or "").partition(".")[0]
    if name not in EXTRAS:
        return None
    return (
        f"this needs the package {name}, which is not installed: "
        f"`pip install 'crossband[{EXTRAS[name]}]'`, or every extra by `crossband[all]`"
    )
