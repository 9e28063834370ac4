// Sends a file in parts, all at once, and names them in the file's order. Prints the upload.
// Arguments: the file. QUARRY_URL, QUARRY_KEY as for seed.mjs.
import fs from 'node:fs';
import OpenAI, { toFile } from 'openai';

const client = new OpenAI({ baseURL: process.env.QUARRY_URL, apiKey: process.env.QUARRY_KEY });
const content = fs.readFileSync(process.argv[2]);
const upload = await client.uploads.create({
  bytes: content.length,
  filename: 'in.jsonl',
  mime_type: 'application/jsonl',
  purpose: 'batch',
});
const size = Math.ceil(content.length / 5);
const parts = await Promise.all(
  [4, 2, 0, 3, 1].map(async (n) => {
    const data = await toFile(content.subarray(n * size, (n + 1) * size), 'part');
    return { n, id: (await client.uploads.parts.create(upload.id, { data })).id };
  }),
);
const part_ids = parts.sort((a, b) => a.n - b.n).map((part) => part.id);
console.log(JSON.stringify(await client.uploads.complete(upload.id, { part_ids })));
