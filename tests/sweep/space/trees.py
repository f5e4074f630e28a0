"""Search spaces for several tests."""

from sweep.space.domains import label

SPACE = {
    "lr": {"loguniform": [1e-6, 1e-4]},
    "steps": 30,
    "size": {"choice": [500, 2000]},
    "objective": {
        "choice": [
            {"name": "none"},
            {"name": "cda", "sides": "one"},
            {"name": "cda", "sides": "two"},
            {"name": "gap", "weight": {"uniform": [0, 1]}, "rank": {"int": [1, 3]}},
        ]
    },
    "evaluators": ["a", {"name": "b", "limit": {"int": [5, 9]}}],
}

# By hand: 2 sizes × (none 1 + cda 2 + gap 2 · 2 + the number 1) = 16 points, in the order of the file.
NESTED = {
    "size": {"choice": [500, 2000]},
    "steps": 30,
    "objective": {
        "choice": [
            "none",
            {"name": "cda", "sides": {"choice": ["one", "two"]}},
            {
                "choice": [
                    {"name": "gap", "w": {"choice": [1, 2]}, "on": {"choice": [True, False]}},
                    7,
                ]
            },
        ]
    },
}
INNER = label(NESTED["objective"]["choice"][2])

RECIPES = {
    "lr": {"loguniform": [1e-6, 1e-4]},
    "objective": "none",
    "recipe": {
        "choice": [
            {"objective": "dpo"},
            {
                "objective": {"name": "gap", "weight": {"choice": [1, 2]}},
                "regulariser": {"name": "l2", "weight": 0.1},
            },
            {"replay": {"data": "x", "ratio": 0.5}},
        ]
    },
}
