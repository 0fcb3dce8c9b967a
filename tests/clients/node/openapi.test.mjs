// Spectral and Redocly find no error in the OpenAPI document.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { baseUrl } from './demo.mjs';

const { resolve } = createRequire(import.meta.url);
const RULES = 'extends: ["spectral:oas"]\n';

/** The program of a package, as its package.json names it. */
function program(name, command) {
  const manifest = resolve(`${name}/package.json`);
  return join(dirname(manifest), createRequire(import.meta.url)(manifest).bin[command]);
}

/** What a linter says, and whether it is content. */
function lint(folder, file, ...options) {
  const environment = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', CI: 'true' };
  return new Promise((done) => {
    execFile(process.execPath, [file, ...options], { cwd: folder, env: environment }, (error, out, said) =>
      done({ code: error ? error.code : 0, said: out + said }),
    );
  });
}

test('spectral and redocly find no error in the OpenAPI document, and each finds one that is made', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wmda-openapi-'));
  const document = await (await fetch(`${baseUrl}/api/v1/openapi.json`)).json();
  await writeFile(join(folder, 'rules.yaml'), RULES);
  await writeFile(join(folder, 'good.json'), JSON.stringify(document));
  document.paths['/api/v1/attention'].get.operationId = document.paths['/api/v1/users'].get.operationId;
  document.paths['/api/v1/attention'].get.responses['200'].content['application/json'].schema.$ref += 'X';
  await writeFile(join(folder, 'bad.json'), JSON.stringify(document));
  const spectral = (file) => lint(folder, program('@stoplight/spectral-cli', 'spectral'), 'lint', file, '-r', 'rules.yaml');
  const redocly = (file) => lint(folder, program('@redocly/cli', 'redocly'), 'lint', file, '--extends=recommended');
  try {
    for (const linter of [spectral, redocly]) {
      const [good, bad] = await Promise.all(['good.json', 'bad.json'].map(linter));
      assert.equal(good.code, 0, good.said);
      assert.notEqual(bad.code, 0, bad.said);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
