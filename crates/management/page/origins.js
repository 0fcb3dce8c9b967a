// The origin of requests with expired secrets.

import { h, name } from './dom.js';
import { t } from './texts.js';

/** Source address and user agent, as far as recorded; both are untrusted text. */
export function origin({ tried_after_expiry_from: from, tried_after_expiry_with: program }) {
  if (!from) return [];
  const by = program ? [' ', t.secret.by, ' ', name(program, { class: 'agent' })] : [];
  return [' ', t.secret.from, ' ', h('code', {}, from), ...by];
}
