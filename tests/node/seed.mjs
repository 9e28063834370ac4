// The page's workflow with OpenAI's SDK for Node: each way that SDK has to send a file, then a batch,
// its status, its results. Prints what came back as JSON; the test judges it.
import fs from 'node:fs';
import OpenAI, { APIError, NotFoundError, toFile } from 'openai';

const model = process.env.QUARRY_MODEL;
const path = process.argv[2];
const client = new OpenAI({ baseURL: process.env.QUARRY_URL, apiKey: process.env.QUARRY_KEY, maxRetries: 0 });
const out = {};

// A stream: sent chunked, the file's part before the others.
out.streamed = await client.files.create({
  file: fs.createReadStream(path), purpose: 'batch', target_model_names: model,
});
// Bytes: sent with Content-Length, the names as an array.
out.buffered = await client.files.create({
  file: await toFile(fs.readFileSync(path), 'ü "q".jsonl', { type: 'application/jsonl' }),
  purpose: 'batch', target_model_names: [model], expires_after: { anchor: 'created_at', seconds: 3600 },
});
// The Python idiom, carried over by mistake.
out.nested = await client.files.create({
  file: fs.createReadStream(path), purpose: 'batch', extra_body: { target_model_names: model },
});

out.batches = [];
for (const file of [out.streamed, out.buffered, out.nested]) {
  let batch = await client.batches.create({
    input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h',
    metadata: { description: 'Test batch job' },
  });
  const statuses = [batch.status];
  const deadline = Date.now() + 60_000;
  while (!['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) {
    if (Date.now() > deadline) throw new Error(`still ${batch.status}`);
    await new Promise((wake) => setTimeout(wake, 50));
    batch = await client.batches.retrieve(batch.id);
    if (statuses.at(-1) !== batch.status) statuses.push(batch.status);
  }
  const content = batch.output_file_id ? await client.files.content(batch.output_file_id) : null;
  out.batches.push({
    batch, statuses, output: content && await content.text(),
    contentType: content && content.headers.get('content-type'),
  });
}

// Pages of one, so that the SDK walks them all by their cursors.
out.listed = [];
for await (const file of client.files.list({ limit: 1, purpose: 'batch' })) out.listed.push(file.id);
out.listedBatches = [];
for await (const batch of client.batches.list({ limit: 2 })) out.listedBatches.push(batch.id);

out.deleted = await client.files.delete(out.nested.id);
try {
  await client.files.retrieve(out.nested.id);
} catch (error) {
  out.missing = {
    notFound: error instanceof NotFoundError, api: error instanceof APIError, status: error.status,
    message: error.error?.message, param: error.param, requestID: error.requestID,
  };
}
try {
  await client.batches.cancel(out.batches[0].batch.id);
} catch (error) {
  out.conflict = { name: error.constructor.name, status: error.status };
}
console.log(JSON.stringify(out));
