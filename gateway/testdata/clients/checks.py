"""What the Python scripts beside it share.

Each runs checks of one client against a gateway and prints one JSON line per check:
{"check", "ok", "detail"}. The exit status is 0 when every check ran, whatever it found.
"""

import faulthandler
import json
import os
import traceback

# A check that hangs ends the process, with a trace of where it was.
PATIENCE_SECONDS = 30

QUESTION = "Say something nice about gateways."

# What the model at the other end says: llmtest.Model has the same words.
TEXT = "Gateways keep good company."
RESULT = "It is 21 degrees in Oslo."
THINKING = "Something nice is wanted."
ANSWER = {"city": "Oslo", "degrees": 21}

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "number"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}


def report_each(checks):
    """Runs checks, functions of a model's name, for every model that MODELS names."""
    for model in os.environ["MODELS"].split(","):
        for check in checks:
            faulthandler.dump_traceback_later(PATIENCE_SECONDS, exit=True)
            detail = ""
            try:
                check(model)
            except Exception:
                detail = traceback.format_exc()
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps({"check": f"{model}/{check.__name__}", "ok": not detail, "detail": detail}), flush=True)


def failure(kind, function):
    """Returns the exception of a kind that the function raises."""
    try:
        function()
    except kind as e:
        return e
    raise AssertionError(f"no {kind.__name__} was raised")


def want_equal(got, want):
    assert got == want, f"got {got!r}, want {want!r}"
