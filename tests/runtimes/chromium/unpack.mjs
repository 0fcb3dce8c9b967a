// Writes the browser that the package carries, compressed, to the path that is named: node unpack.mjs PATH
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';

const [, , path] = process.argv;
const compressed = new URL('node_modules/@sparticuz/chromium/bin/chromium.br', import.meta.url);
await mkdir(dirname(path), { recursive: true });
await pipeline(
  createReadStream(fileURLToPath(compressed)),
  createBrotliDecompress(),
  createWriteStream(path, { mode: 0o755 }),
);
