"""Checks OpenAI's official client for Python at a gateway's chat completions, Responses and
completions APIs, for each model of MODELS.

BASE_URL  such as http://127.0.0.1:8080
API_KEY   a key that may ask for the models
MODELS    such as responses,openai: each answers like llmtest.Model, and its name with
          -fail-STATUS, -cut or -stall behind it has that fault

The argument is chat, responses or completions.
"""

import os
import sys

import openai
from pydantic import BaseModel

from checks import ANSWER, QUESTION, RESULT, TEXT, WEATHER, failure, report_each, want_equal

client = openai.OpenAI(base_url=os.environ["BASE_URL"] + "/v1", api_key=os.environ["API_KEY"], max_retries=0)
chat, responses = client.chat.completions, client.responses
function = {"name": "get_weather", "description": "The weather in a city", "parameters": WEATHER, "strict": True}


class Weather(BaseModel):
    city: str
    degrees: float


def ask(model, content=QUESTION, **more):
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def want_text(completion, text=TEXT):
    type(completion).model_validate(completion.to_dict())  # the client itself does not validate
    [choice] = completion.choices
    want_equal((choice.message.role, choice.message.content, choice.finish_reason), ("assistant", text, "stop"))
    want_equal(completion.usage.total_tokens, completion.usage.prompt_tokens + completion.usage.completion_tokens)


def want_response(response, text=TEXT):
    type(response).model_validate(response.to_dict())
    want_equal((response.status, response.output_text), ("completed", text))


def completion(model):
    want_text(chat.create(**ask(model)))


def stream(model):
    chunks = list(chat.create(**ask(model, stream=True, stream_options={"include_usage": True})))
    for chunk in chunks:
        type(chunk).model_validate(chunk.to_dict())
    want_equal("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), TEXT)
    assert chunks[-1].usage.total_tokens > 0, chunks[-1]


def stream_helper(model):
    with chat.stream(**ask(model)) as s:
        s.until_done()
        want_equal(s.get_final_completion().choices[0].message.content, TEXT)


def tool_loop(model):
    tools = [{"type": "function", "function": function}]
    plain = chat.create(**ask(model, "The weather in both cities?", tools=tools))
    with chat.stream(**ask(model, "The weather in both cities?", tools=tools)) as s:
        streamed = s.get_final_completion()
    for first in (plain, streamed):
        [choice] = first.choices
        calls = choice.message.tool_calls
        want_equal((len(calls), choice.finish_reason), (2, "tool_calls"))
        want_equal([Weather.model_validate_json(c.function.arguments) for c in calls], [Weather(**ANSWER)] * 2)
        messages = ask(model)["messages"] + [choice.message.to_dict()]
        messages += [{"role": "tool", "tool_call_id": c.id, "content": "21 degrees"} for c in calls]
        want_text(chat.create(model=model, messages=messages, tools=tools), RESULT)


def structured_output(model):
    want_equal(chat.parse(**ask(model, response_format=Weather)).choices[0].message.parsed, Weather(**ANSWER))


def errors(model):
    for name, kind in (
        (model + "s", openai.NotFoundError),
        (model + "-fail-429", openai.RateLimitError),
        (model + "-fail-503", openai.InternalServerError),
    ):
        failure(kind, lambda: chat.create(**ask(name)))
    failure(openai.BadRequestError, lambda: chat.create(model=model, messages="hello"))
    failure(openai.AuthenticationError, lambda: client.with_options(api_key="sk-nobody").chat.completions.create(**ask(model)))


def cut_stream(model):
    failure(openai.APIError, lambda: list(chat.create(**ask(model + "-cut", stream=True))))


def abort(model):
    with chat.create(**ask(model + "-stall", stream=True)) as s:
        next(s)
    want_text(chat.create(**ask(model)))


def response(model):
    want_response(responses.create(model=model, input=QUESTION))


def response_stream(model):
    events = list(responses.create(model=model, input=QUESTION, stream=True))
    for event in events:
        type(event).model_validate(event.to_dict())
    with responses.stream(model=model, input=QUESTION) as s:
        want_response(s.get_final_response())


def response_tool_loop(model):
    tools = [{"type": "function", **function}]
    plain = responses.create(model=model, input="The weather in both cities?", tools=tools)
    with responses.stream(model=model, input="The weather in both cities?", tools=tools) as s:
        streamed = s.get_final_response()
    for first in (plain, streamed):
        calls = [i for i in first.output if i.type == "function_call"]
        want_equal([Weather.model_validate_json(c.arguments) for c in calls], [Weather(**ANSWER)] * 2)
        items = [{"role": "user", "content": QUESTION}] + [i.to_dict() for i in first.output]
        items += [{"type": "function_call_output", "call_id": c.call_id, "output": "21 degrees"} for c in calls]
        want_response(responses.create(model=model, input=items, tools=tools), RESULT)


def response_structured_output(model):
    want_equal(responses.parse(model=model, input=QUESTION, text_format=Weather).output_parsed, Weather(**ANSWER))


def response_errors(model):
    failure(openai.BadRequestError, lambda: responses.create(model=model, input=7))
    failure(openai.RateLimitError, lambda: responses.create(model=model + "-fail-429", input=QUESTION))
    failure(openai.APIError, lambda: list(responses.create(model=model + "-cut", input=QUESTION, stream=True)))


def want_completion(reply, text):
    type(reply).model_validate(reply.to_dict())
    [choice] = reply.choices
    want_equal((reply.object, choice.index, choice.text, choice.finish_reason), ("text_completion", 0, text, "stop"))
    want_equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens)


def text(model):
    want_completion(client.completions.create(model=model, prompt=QUESTION, max_tokens=50, temperature=0), TEXT)
    want_completion(client.completions.create(model=model, prompt=[QUESTION], stop=["\n"], seed=1), TEXT)


def text_stream(model):
    pieces = list(client.completions.create(model=model, prompt=QUESTION, max_tokens=50, stream=True, stream_options={"include_usage": True}))
    want_equal({p.object for p in pieces}, {"text_completion"})  # OpenAI's own have no finish_reason, which the model wants
    want_equal("".join(p.choices[0].text for p in pieces if p.choices), TEXT)
    want_equal([c.finish_reason for p in pieces for c in p.choices if c.finish_reason], ["stop"])
    assert pieces[-1].usage.total_tokens > 0, pieces[-1]
    unasked = list(client.completions.create(model=model, prompt=QUESTION, stream=True))
    assert all(p.choices and not p.usage for p in unasked), unasked


def text_errors(model):
    failure(openai.NotFoundError, lambda: client.completions.create(model=model + "s", prompt="a"))
    failure(openai.RateLimitError, lambda: client.completions.create(model=model + "-fail-429", prompt="a"))
    failure(openai.BadRequestError, lambda: client.completions.create(model=model, prompt=7))
    failure(openai.APIError, lambda: list(client.completions.create(model=model + "-cut", prompt="a", stream=True)))
    if model != "openai":  # the one provider that serves this API itself
        failure(openai.BadRequestError, lambda: client.completions.create(model=model, prompt=["a", "b"]))
        want_equal(client.completions.create(model=model, prompt="Well: ", echo=True).choices[0].text, "Well: " + TEXT)


if sys.argv[1] == "completions":
    report_each([text, text_stream, text_errors])
elif sys.argv[1] == "chat":
    report_each([completion, stream, stream_helper, tool_loop, structured_output, errors, cut_stream, abort])
else:
    report_each([response, response_stream, response_tool_loop, response_structured_output, response_errors])
