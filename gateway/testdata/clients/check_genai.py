"""Checks Google's official client for Python against a gateway, for each model of MODELS. The
environment is that of check_anthropic.py.
"""

import os

from google import genai
from google.genai import errors as genai_errors
from google.genai import types

from checks import QUESTION, RESULT, TEXT, failure, report_each, want_equal

client = genai.Client(api_key=os.environ["API_KEY"], http_options=types.HttpOptions(base_url=os.environ["BASE_URL"]))
models = client.models


def generate(model):
    reply = models.generate_content(model=model, contents=QUESTION)
    want_equal((reply.text, reply.candidates[0].finish_reason), (TEXT, types.FinishReason.STOP))
    assert reply.usage_metadata.total_token_count > 0


def stream(model):
    chunks = list(models.generate_content_stream(model=model, contents=QUESTION))
    want_equal("".join(c.text for c in chunks), TEXT)


def automatic_function_calling(model):
    seen = []

    def get_weather(city: str, degrees: float) -> str:
        """The weather in a city"""
        seen.append((city, degrees))
        return "21 degrees"

    config = types.GenerateContentConfig(tools=[get_weather])
    want_equal(models.generate_content(model=model, contents=QUESTION, config=config).text, RESULT)
    want_equal(seen, [("Oslo", 21)])


def errors(model):
    for name, status in ((model + "s", 404), (model + "-fail-429", 429), (model + "-fail-503", 503)):
        want_equal(failure(genai_errors.APIError, lambda: models.generate_content(model=name, contents=QUESTION)).code, status)


report_each([generate, stream, automatic_function_calling, errors])
