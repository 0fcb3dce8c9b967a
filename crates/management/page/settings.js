// A manager's settings of an application: self-rotation, and the allowed networks of its credentials.

import { get, patch } from './api.js';
import { openDialog } from './dialogs.js';
import { h } from './dom.js';
import { field, form, select } from './forms.js';
import { guarded } from './lists.js';
import { note, toast } from './notices.js';
import { fact } from './secrets.js';
import { manages } from './session.js';
import { t } from './texts.js';

const words = t.settings;

export function settingsSection(application, tools) {
  const networks = application.allowed_networks ?? [];
  const mode = application.networks_mode ?? 'off';
  const change =
    manages(application.client_id) &&
    h(
      'button',
      { type: 'button', class: 'button', 'data-key': 'settings', onclick: () => ask(application, tools) },
      words.change,
    );
  return h(
    'section',
    { 'aria-labelledby': 'settings-title' },
    h('div', { class: 'section-head' }, h('h2', { id: 'settings-title', tabindex: '-1' }, words.title), change),
    application.profile === 'fapi2' && note('info', words.fapi2),
    h(
      'dl',
      { class: 'panel facts wide' },
      fact(words.selfRotation, application.self_rotation ? words.on : words.off),
      fact(words.networks, [
        words.modes[mode] ?? mode,
        networks.length > 0 &&
          h(
            'div',
            {},
            networks.map((one) => [h('code', {}, one), ' ']),
          ),
      ]),
    ),
  );
}

function ask(application, tools) {
  const rotates = h('input', { type: 'checkbox', checked: application.self_rotation });
  const mode = field(words.networks, select(Object.entries(words.modes)));
  mode.control.value = application.networks_mode ?? 'off';
  const text = h('textarea', { class: 'input code-text', rows: '4', spellcheck: 'false' });
  text.value = (application.allowed_networks ?? []).join('\n');
  const networks = field(words.list, text, { advice: words.listAdvice });
  const problem = h('div', { role: 'alert' });
  const proposed = async () => {
    const { proposed_networks } = await get(`/applications/${application.client_id}/networks`);
    text.value = proposed_networks.join('\n');
  };
  const propose = h(
    'button',
    { type: 'button', class: 'button', onclick: () => guarded(problem, proposed) },
    words.propose,
  );
  const send = async () => {
    await patch(`/applications/${application.client_id}`, {
      self_rotation: rotates.checked,
      networks_mode: mode.control.value,
      allowed_networks: text.value.split(/[\s,]+/).filter(Boolean),
    });
    dialog.close();
    toast(t.saved);
    await tools.refresh();
    return true;
  };
  const dialog = openDialog({
    title: words.title,
    body: form({
      fields: [
        h('label', { class: 'check' }, rotates, h('span', {}, words.rotates)),
        h('p', { class: 'muted' }, words.rotatesMeans),
        mode,
        networks,
        h('div', { class: 'row' }, propose),
        problem,
      ],
      submit: t.save,
      cancel: () => dialog.close(),
      send,
    }),
  });
  rotates.focus();
}
