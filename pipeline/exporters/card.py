"""The dataset card: README.md with the metadata block that Hugging Face reads."""

import io

import pyarrow as pa
from ruamel.yaml import YAML

from pipeline.exporters.format import Facts, Job
from pipeline.exporters.payloads import is_image
from pipeline.exporters.pieces import loaded_splits
from pipeline.licences import HUB_LICENCES


def dataset_card(job: Job) -> str:
    """Write the card: licences, simulated share, rows by split and band, columns with units."""
    facts = job.facts
    block = {
        "license": licence_word(facts),
        "task_categories": ["image-feature-extraction"],
        "tags": ["biometrics", "face-recognition", "cross-spectral", *_synthetic(facts)],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": name, "path": [f"data/{split}-*.parquet" for split in splits]}
                    for name, splits in loaded_splits(job).items()
                ],
            }
        ],
    }
    text = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(block, text)
    return f"---\n{text.getvalue()}---\n\n{_prose(job)}"


def licence_word(facts: Facts) -> str:
    """Return the Hub's word for the rows' licence: ``other`` for several or an unknown one."""
    names = list(facts.licences)
    return HUB_LICENCES.get(names[0], "other") if len(names) == 1 else "other"


def _synthetic(facts: Facts) -> list[str]:
    return ["synthetic"] if facts.simulated["rows"] else []


def _prose(job: Job) -> str:
    facts = job.facts
    lines = [
        f"# {job.request.source}",
        "",
        f"{facts.rows} rows, exported by crossband from one stage of its pipeline. "
        "`manifest.json` has the sha256 of each file, the parameters and the revision.",
        "",
        f"**{facts.simulated['rows']} of {facts.rows} rows ({facts.simulated['share']:.1%}) are "
        "simulated**: a program made their images (column `simulated`; `generator` says which).",
        "",
        *(["Filter: `" + job.request.where + "`", ""] if job.request.where else []),
        *_counts("licence", facts.licences),
    ]
    for name in ("split", "band"):
        lines += _counts(name, facts.shares[name])
    lines += ["| column | type | unit, frame |", "|---|---|---|"]
    lines += [f"| `{field.name}` | {_kind(field)} | {_notes(field)} |" for field in job.schema]
    return "\n".join(lines) + "\n"


def _counts(name: str, counts: object) -> list[str]:
    found = dict(counts) if isinstance(counts, dict) else {}
    rows = [f"| {key} | {number} |" for key, number in found.items()]
    return [f"| {name} | rows |", "|---|---|", *rows, ""] if rows else []


def _kind(field: pa.Field) -> str:
    return "image" if is_image(field.type) else str(field.type).replace("|", "\\|")


def _notes(field: pa.Field) -> str:
    notes = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    return ", ".join(f"{key}: {value}" for key, value in notes.items())
