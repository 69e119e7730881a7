// What the scripts beside it share: each runs checks of one client against a gateway and
// prints one JSON line per check: {"check", "ok", "detail"}. The exit status is 0 when
// every check ran, whatever it found.

import assert from 'node:assert/strict';

// patience bounds every check, in milliseconds: a check that hangs has failed.
const patience = 30_000;

// within runs a check that may neither fail nor take longer than patience.
async function within(check) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${patience} ms`)), patience);
  });
  try {
    await Promise.race([check(), late]);
    return { ok: true, detail: '' };
  } catch (error) {
    return { ok: false, detail: String(error?.stack ?? error) };
  } finally {
    clearTimeout(timer);
  }
}

// report runs checks one after the other, and ends the process.
export async function report(checks) {
  for (const [check, run] of Object.entries(checks)) {
    console.log(JSON.stringify({ check, ...(await within(run)) }));
  }
  process.exit(0); // a connection that hangs must not keep the process
}

// reportEach runs checks for every model that MODELS names, each with the model as its
// argument.
export async function reportEach(checks) {
  const all = {};
  for (const model of process.env.MODELS.split(',')) {
    for (const [check, run] of Object.entries(checks)) all[`${model}/${check}`] = () => run(model);
  }
  await report(all);
}

// failure is what the promise was rejected with.
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail('no error was raised');
}

// collect reads a stream to its end.
export async function collect(stream) {
  const all = [];
  for await (const item of stream) all.push(item);
  return all;
}

// What the model at the other end says: llmtest.Model has the same words.
export const said = {
  text: 'Gateways keep good company.',
  result: 'It is 21 degrees in Oslo.',
  thinking: 'Something nice is wanted.',
  signature: 'c2lnbmVkIGJ5IHRoZSBwcm92aWRlcg==',
  answer: { city: 'Oslo', degrees: 21 },
};

export const weatherSchema = {
  type: 'object',
  properties: { city: { type: 'string' }, degrees: { type: 'number' } },
  required: ['city', 'degrees'],
  additionalProperties: false,
};
