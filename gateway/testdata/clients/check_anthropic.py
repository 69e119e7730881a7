"""Checks Anthropic's official client for Python against a gateway, for each model of MODELS.

BASE_URL  such as http://127.0.0.1:8080
API_KEY   a key that may ask for the models
MODELS    such as anthropic,openai: each answers like llmtest.Model, and its name with
          -fail-STATUS, -cut or -stall behind it has that fault
"""

import os

import anthropic
from anthropic import beta_tool
from pydantic import BaseModel

from checks import ANSWER, QUESTION, RESULT, TEXT, THINKING, WEATHER, failure, report_each, want_equal

client = anthropic.Anthropic(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0)
tool = {"name": "get_weather", "description": "The weather in a city", "input_schema": WEATHER}


class Weather(BaseModel):
    city: str
    degrees: float


def ask(model, **more):
    return {"model": model, "max_tokens": 2048, "messages": [{"role": "user", "content": QUESTION}], **more}


def want_text(message, text=TEXT):
    type(message).model_validate(message.to_dict())  # the client itself does not validate
    want_equal([(b.type, b.text) for b in message.content], [("text", text)])
    want_equal((message.role, message.stop_reason), ("assistant", "end_turn"))
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0, message.usage


def with_results(message, count):
    """Checks the calls of a message and returns a conversation with their results."""
    type(message).model_validate(message.to_dict())
    calls = [b for b in message.content if b.type == "tool_use"]
    want_equal([(c.name, c.input) for c in calls], [("get_weather", ANSWER)] * count)
    want_equal((len({c.id for c in calls}), message.stop_reason), (count, "tool_use"))
    results = [{"type": "tool_result", "tool_use_id": c.id, "content": "21 degrees"} for c in calls]
    return [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results},
    ]


def message(model):
    want_text(client.messages.create(**ask(model)))


def stream(model):
    events = list(client.messages.create(**ask(model, stream=True)))
    for event in events:
        type(event).model_validate(event.to_dict())
    want_equal((events[0].type, events[-1].type), ("message_start", "message_stop"))


def stream_helper(model):
    with client.messages.stream(**ask(model, system="Be kind.")) as s:
        want_equal("".join(s.text_stream), TEXT)
        want_text(s.get_final_message())


def thinking(model):
    params = ask(model, thinking={"type": "enabled", "budget_tokens": 1024})
    with client.messages.stream(**params) as s:
        streamed = s.get_final_message()
    for m in (client.messages.create(**params), streamed):
        want_equal([b.type for b in m.content], ["thinking", "text"])
        want_equal(m.content[0].thinking, THINKING)
        params["messages"] = ask(model)["messages"] + [{"role": "assistant", "content": m.content}, {"role": "user", "content": "Again."}]
        want_equal(client.messages.create(**params).content[-1].text, TEXT)


def tool_loop(model):
    first = client.messages.create(**ask(model, tools=[tool], tool_choice={"type": "any"}))
    want_text(client.messages.create(**ask(model, tools=[tool], messages=with_results(first, 1))), RESULT)


def parallel_tools_streamed(model):
    messages = [{"role": "user", "content": "The weather in both cities?"}]
    with client.messages.stream(**ask(model, tools=[tool], messages=messages)) as s:
        first = s.get_final_message()
    want_text(client.messages.create(**ask(model, tools=[tool], messages=with_results(first, 2))), RESULT)


def tool_runner(model):
    seen = []

    @beta_tool
    def get_weather(city: str, degrees: float) -> str:
        """The weather in a city"""
        seen.append((city, degrees))
        return "21 degrees"

    want_text(client.beta.messages.tool_runner(**ask(model, tools=[get_weather])).until_done(), RESULT)
    want_equal(seen, [("Oslo", 21)])


def structured_output(model):
    parsed = client.messages.parse(**ask(model, output_format=Weather)).parsed_output
    want_equal(parsed, Weather(**ANSWER))


def count_tokens(model):
    counted = client.messages.count_tokens(model=model, messages=ask(model)["messages"], tools=[tool])
    assert counted.input_tokens > 0, counted


def errors(model):
    for name, status, kind in (
        (model + "s", 404, anthropic.NotFoundError),
        (model + "-fail-429", 429, anthropic.RateLimitError),
        (model + "-fail-503", 503, anthropic.InternalServerError),
    ):
        e = failure(kind, lambda: client.messages.create(**ask(name)))
        want_equal((e.status_code, e.body["type"]), (status, "error"))
    failure(anthropic.BadRequestError, lambda: client.messages.create(**ask(model, messages="hello")))
    failure(anthropic.AuthenticationError, lambda: client.with_options(api_key="sk-nobody").messages.create(**ask(model)))


def cut_stream(model):
    def read():
        with client.messages.stream(**ask(model + "-cut")) as s:
            s.until_done()

    failure(anthropic.APIError, read)


def abort(model):
    with client.messages.stream(**ask(model + "-stall")) as s:
        next(s.text_stream)
    want_text(client.messages.create(**ask(model)))


report_each([message, stream, stream_helper, thinking, tool_loop, parallel_tools_streamed, tool_runner, structured_output, count_tokens, errors, cut_stream, abort])
