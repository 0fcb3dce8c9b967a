// Where requests with expired secrets came from.

import { h, name } from './dom.js';
import { t } from './texts.js';

/** Address and program, as far as they are remembered; elements, for both are somebody else's text. */
export function origin({ tried_after_expiry_from: from, tried_after_expiry_with: program }) {
  if (!from) return [];
  const by = program ? [' ', t.secret.by, ' ', name(program, { class: 'agent' })] : [];
  return [' ', t.secret.from, ' ', h('code', {}, from), ...by];
}
