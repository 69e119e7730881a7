"""Asks for recorded replies with one official client for Python, which the argument names.
Standard input, and what is printed, are those of replay.mjs.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import local

asked = json.load(sys.stdin)
url, key = asked["url"], asked["key"]
question = "Say something nice about gateways."
messages = [{"role": "user", "content": question}]
own = local()  # the clients may not be shared by threads that close streams


def client(make):
    if not hasattr(own, "client"):
        own.client = make()
    return own.client


def openai():
    from openai import OpenAI

    return client(lambda: OpenAI(base_url=url + "/v1", api_key=key, max_retries=0))


def usage_of(reply):
    return reply.usage.to_dict() if reply.usage else None


def of_chat(completion):
    choice = completion.choices[0]
    calls = [{"name": c.function.name, "arguments": c.function.arguments} for c in choice.message.tool_calls or []]
    if choice.message.function_call and choice.message.function_call.name:
        calls.append(choice.message.function_call.to_dict())
    return {"text": choice.message.content, "refusal": choice.message.refusal, "calls": calls, "finish": choice.finish_reason, "usage": usage_of(completion)}


def chat(model, stream):
    if not stream:
        return of_chat(openai().chat.completions.create(model=model, messages=messages))
    with openai().chat.completions.stream(model=model, messages=messages, stream_options={"include_usage": True}) as s:
        deltas = "".join(e.delta for e in s if e.type == "content.delta")
        whole = of_chat(s.get_final_completion())
    assert (whole["text"] or "") == deltas, f"{whole['text']!r} is not {deltas!r}"
    return whole


def of_response(response):
    calls = [{"name": i.name, "arguments": i.arguments} for i in response.output if i.type == "function_call"]
    finish = response.incomplete_details.reason if response.incomplete_details else response.status
    texts = ["".join(c.text for c in i.content if c.type == "output_text") for i in response.output if i.type == "message"]
    refusals = [c.refusal for i in response.output if i.type == "message" for c in i.content if c.type == "refusal"]
    return {"text": "\n\n".join(texts), "refusal": "".join(refusals), "calls": calls, "finish": finish, "usage": usage_of(response)}


def responses(model, stream):
    if not stream:
        return of_response(openai().responses.create(model=model, input=messages))
    deltas, last = "", None
    with openai().responses.stream(model=model, input=messages) as s:
        for e in s:
            if e.type == "response.output_text.delta":
                deltas += e.delta
            elif e.type in ("response.completed", "response.incomplete", "response.failed"):
                last = e.response
    whole = of_response(last)
    assert whole["text"].replace("\n\n", "") == deltas.replace("\n\n", ""), f"{whole['text']!r} is not {deltas!r}"
    return whole


def of_message(message):
    return {
        "text": "".join(b.text for b in message.content if b.type == "text"),
        "calls": [{"name": b.name, "arguments": json.dumps(b.input)} for b in message.content if b.type == "tool_use"],
        "finish": message.stop_reason,
        "usage": usage_of(message),
    }


def anthropic(model, stream):
    from anthropic import Anthropic

    c = client(lambda: Anthropic(base_url=url, api_key=key, max_retries=0))
    ask = {"model": model, "max_tokens": 2048, "messages": messages}
    if not stream:
        return of_message(c.messages.create(**ask))
    with c.messages.stream(**ask) as s:
        deltas = "".join(s.text_stream)
        whole = of_message(s.get_final_message())
    assert whole["text"] == deltas, f"{whole['text']!r} is not {deltas!r}"
    return whole


def genai(model, stream):
    from google import genai
    from google.genai import types

    c = client(lambda: genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url)))
    if stream:
        replies = list(c.models.generate_content_stream(model=model, contents=question))
    else:
        replies = [c.models.generate_content(model=model, contents=question)]
    parts, finish, refusal, usage = [], None, None, None
    for reply in replies:
        for candidate in (reply.candidates or [])[:1]:
            parts += (candidate.content and candidate.content.parts) or []
            finish = candidate.finish_reason.value if candidate.finish_reason else finish
            refusal = candidate.finish_message or refusal
        if reply.prompt_feedback and reply.prompt_feedback.block_reason:
            finish, refusal = "SAFETY", reply.prompt_feedback.block_reason_message
        if reply.usage_metadata:
            usage = reply.usage_metadata.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "text": "".join(p.text or "" for p in parts if not p.thought),
        "calls": [{"name": p.function_call.name, "arguments": json.dumps(p.function_call.args or {})} for p in parts if p.function_call],
        "refusal": refusal,
        "finish": finish,
        "usage": usage,
    }


ask = {"openai chat": chat, "openai responses": responses, "anthropic": anthropic, "genai": genai}[sys.argv[1]]


def answer(case):
    try:
        return {"model": case["model"], **ask(case["model"], case["stream"])}
    except Exception as e:
        status = getattr(e, "status_code", None) or getattr(e, "code", None)
        body = getattr(e, "body", None)
        body = body.get("error", body) if isinstance(body, dict) else {}
        message = body.get("message") or getattr(e, "message", None) or str(e)
        error = {"class": type(e).__name__, "status": status if isinstance(status, int) else 0, "message": message}
        return {"model": case["model"], "error": error}


with ThreadPoolExecutor(4) as pool:
    for line in pool.map(answer, asked["cases"]):
        print(json.dumps(line), flush=True)
