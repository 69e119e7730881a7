"""Checks embeddings and counts of tokens by Google's and OpenAI's official clients for Python
against a gateway, for each model of MODELS. The environment is that of check_anthropic.py.
"""

import os

import openai
from google import genai
from google.genai import errors as genai_errors
from google.genai import types

from checks import QUESTION, failure, report_each, want_equal

google_client = genai.Client(api_key=os.environ["API_KEY"], http_options=types.HttpOptions(base_url=os.environ["BASE_URL"]))
google = google_client.models  # which closes with the client
client = openai.OpenAI(api_key=os.environ["API_KEY"], base_url=os.environ["BASE_URL"] + "/v1", max_retries=0)

TEXTS = ["one", "three"]
# For some models' names the client would make one content of a list of texts.
CONTENTS = [types.Content(parts=[types.Part(text=text)]) for text in TEXTS]
VECTORS = [[3, 0.5, -2], [5, 0.5, -2]]  # of llmtest.ModelVector


def embeds(model):
    return model != "anthropic"


def count_tokens(model):
    total = google.count_tokens(model=model, contents=QUESTION).total_tokens
    if model == "gemini":
        want_equal(total, 10)
    assert 5 < total < 50, total


def embed_as_gemini_does(model):
    if not embeds(model):
        want_equal(failure(genai_errors.ClientError, lambda: google.embed_content(model=model, contents=TEXTS)).code, 400)
        return
    config = types.EmbedContentConfig(task_type="RETRIEVAL_DOCUMENT")
    want_equal([e.values for e in google.embed_content(model=model, contents=CONTENTS, config=config).embeddings], VECTORS)
    config = types.EmbedContentConfig(output_dimensionality=2)
    want_equal([e.values for e in google.embed_content(model=model, contents="one", config=config).embeddings], [[3, 0.5]])
    want_equal(failure(genai_errors.ClientError, lambda: google.embed_content(model="none", contents="a")).code, 404)


def embed_as_openai_does(model):
    if not embeds(model):
        want_equal(failure(openai.BadRequestError, lambda: client.embeddings.create(model=model, input=TEXTS)).status_code, 400)
        return
    for encoding in ("base64", "float"):
        reply = client.embeddings.create(model=model, input=TEXTS, encoding_format=encoding)
        want_equal(len(reply.data), 2)
        if encoding == "float":
            want_equal([d.embedding for d in reply.data], VECTORS)
        want_equal(reply.usage.prompt_tokens, 10)


def list_models(model):
    assert f"models/{model}" in [m.name for m in google.list(config={"page_size": 3})]
    want_equal(google.get(model=model).name, f"models/{model}")


report_each([count_tokens, embed_as_gemini_does, embed_as_openai_does, list_models])
