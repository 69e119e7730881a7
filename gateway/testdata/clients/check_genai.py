"""Checks Google's official client for Python against a gateway, for each model of MODELS. The
environment is that of check_anthropic.py.
"""

import os

from google import genai
from google.genai import errors as genai_errors
from google.genai import types
from pydantic import BaseModel

from checks import ANSWER, QUESTION, RESULT, TEXT, WEATHER, failure, report_each, want_equal

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


class Weather(BaseModel):
    city: str
    degrees: float


def structured_output(model):
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Weather)
    want_equal(models.generate_content(model=model, contents=QUESTION, config=config).parsed, Weather(**ANSWER))


def chat_session(model):
    chat = client.chats.create(model=model, config=types.GenerateContentConfig(system_instruction="Be kind.", temperature=0.5))
    want_equal("".join(c.text for c in chat.send_message_stream("Say something nice.")), TEXT)
    want_equal(chat.send_message("Again.").text, TEXT)
    roles = [c.role for c in chat.get_history(curated=True)]
    want_equal((roles[0], roles[-2:], roles.count("user")), ("user", ["user", "model"], 2))


def thoughts_and_parallel_calls(model):
    declaration = types.FunctionDeclaration(name="get_weather", description="The weather in a city", parameters_json_schema=WEATHER)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declaration])],
        thinking_config=types.ThinkingConfig(thinking_budget=1024, include_thoughts=True),
    )
    asked = types.Content(role="user", parts=[types.Part(text="The weather in both cities?")])
    first = models.generate_content(model=model, contents=[asked], config=config)
    want_equal([c.args for c in first.function_calls], [ANSWER, ANSWER])
    results = [
        types.Part(function_response=types.FunctionResponse(id=c.id, name=c.name, response={"output": "21 degrees"}))
        for c in reversed(first.function_calls)
    ]
    contents = [asked, first.candidates[0].content, types.Content(role="user", parts=results)]
    want_equal(models.generate_content(model=model, contents=contents, config=config).text, RESULT)


def media(model):
    parts = [types.Part.from_bytes(data=bytes(range(200, 256)) * 3, mime_type="image/png"), types.Part(text="What is it?")]
    want_equal(models.generate_content(model=model, contents=parts).text, TEXT)


def errors(model):
    for name, status in ((model + "s", 404), (model + "-fail-429", 429), (model + "-fail-503", 503)):
        kind = genai_errors.ServerError if status >= 500 else genai_errors.ClientError
        e = failure(kind, lambda: models.generate_content(model=name, contents=QUESTION))
        assert e.code == status and e.status and e.message, e


def cut_stream(model):
    failure(genai_errors.APIError, lambda: list(models.generate_content_stream(model=model + "-cut", contents=QUESTION)))


report_each(
    [
        generate,
        stream,
        automatic_function_calling,
        structured_output,
        chat_session,
        thoughts_and_parallel_calls,
        media,
        errors,
        cut_stream,
    ]
)
