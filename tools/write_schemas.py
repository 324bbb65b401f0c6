"""Writes the JSON Schemas of PROBLEM.json and PLAN.json beside the documents."""

from __future__ import annotations

import json
from pathlib import Path

from api.json_files import Layout
from api.plan_schemas import PlanIn
from api.problem_schemas import ProblemIn

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
LAYOUTS: dict[str, type[Layout]] = {
    "problem.schema.json": ProblemIn,
    "plan.schema.json": PlanIn,
}


def schemas() -> dict[Path, str]:
    """Text of each schema by the file that it belongs into."""
    return {
        REFERENCE / name: json.dumps(
            {"$schema": DIALECT, **kind.model_json_schema()},
            ensure_ascii=False,
            indent=1,
        )
        + "\n"
        for name, kind in LAYOUTS.items()
    }


if __name__ == "__main__":
    for path, text in schemas().items():
        path.write_text(text, encoding="utf-8")
        print(path)
