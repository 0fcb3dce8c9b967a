// Setting up an authenticator: its key as a QR code, and the recovery codes for its loss.

import { h, name, svg } from './dom.js';
import { icon } from './icons.js';
import { copyButton, note } from './notices.js';
import { t } from './texts.js';

const words = t.authenticator;

/** The TOTP key, to be scanned or typed. */
export function connectAuthenticator(view) {
  const secret = view.totp_secret.replace(/(.{4})(?=.)/g, '$1 ');
  return [
    h('p', {}, words.scan),
    qrCode(view.qr_code),
    h(
      'details',
      {},
      h('summary', {}, words.cannotScan),
      h('p', {}, words.type(name(view.email))),
      h('p', { class: 'id-line' }, h('code', { class: 'key' }, secret), copyButton(view.totp_secret, words.theKey)),
      h('p', {}, h('a', { href: view.otpauth_uri }, words.openApp)),
    ),
  ];
}

/** Dark modules on white, with a quiet zone of four: scanners need both, also in dark mode. */
function qrCode(rows) {
  const size = rows.length + 8;
  const square = (module, x, y) => (module === '1' ? `M${x + 4} ${y + 4}h1v1h-1z` : '');
  const path = rows.flatMap((row, y) => [...row].map((module, x) => square(module, x, y))).join('');
  const shape = { viewBox: `0 0 ${size} ${size}`, 'shape-rendering': 'crispEdges' };
  return svg(
    'svg',
    { class: 'qr', role: 'img', 'aria-label': words.qrCode, ...shape },
    svg('rect', { width: size, height: size, fill: '#fff' }),
    svg('path', { d: path, fill: '#000' }),
  );
}

/** The recovery codes, shown once; `kept` is called when they have been copied, downloaded or printed. */
export function recoveryCodes(codes, kept) {
  const text = `${codes.join('\n')}\n`;
  const then = (action) => () => {
    action();
    kept();
  };
  const button = (label, action, picture = null) =>
    h('button', { type: 'button', class: 'button', onclick: then(action) }, picture && icon(picture), label);
  return [
    note('warning', h('p', {}, h('strong', {}, words.once)), h('p', {}, words.codesAre)),
    h(
      'ul',
      { class: 'codes' },
      codes.map((one) => h('li', {}, h('code', {}, one))),
    ),
    h(
      'div',
      { class: 'row' },
      copyButton(text, words.theCodes, { label: words.copyCodes, kind: '', after: kept }),
      button(words.download, () => save(text), 'down'),
      button(words.print, () => print()),
    ),
  ];
}

function save(text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  h('a', { href: url, download: 'wmda-recovery-codes.txt' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
