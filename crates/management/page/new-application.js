// A new application: its name is composed by WMDA's naming convention.

import { all, post } from './api.js';
import { openDialog } from './dialogs.js';
import { h } from './dom.js';
import { field, form, input, select } from './forms.js';
import { toast } from './notices.js';
import { t } from './texts.js';

const words = t.newApplication;
const LONGEST = 80;

/** Opens the dialog; afterwards the page shows the application. `owner` is the id of a preselected organisation. */
export async function openNewApplication(signal, chosen = null) {
  const organisations = (await all('/organisations', { signal })).filter((one) => one.enabled);
  const options = organisations.map((one) => [one.id, `${one.name} (${one.country_code})`]);
  const owner = field(t.organisation, select(options));
  const short = field(words.short, input({}), { advice: words.shortAdvice, longest: LONGEST });
  const kind = field(words.kind, select(words.kinds));
  const alternative = h('input', { type: 'checkbox', id: 'alternative' });
  const preview = h('output', { class: 'preview' });
  const organisation = () => organisations.find((one) => one.id === owner.control.value);
  const made = () => {
    const stem = `Partner${alternative.checked ? 'Alternative' : ''}-${organisation()?.country_code ?? '??'}`;
    return `${stem}-${short.control.value || '…'}-${kind.control.value}`;
  };
  const refresh = () => {
    preview.textContent = made();
  };
  const suggest = () => {
    const plain = (organisation()?.name ?? '').normalize('NFD').replace(/[^A-Za-z0-9]/g, '');
    short.control.value = plain.slice(0, LONGEST);
    refresh();
  };
  if (chosen) owner.control.value = chosen;
  owner.control.addEventListener('change', suggest);
  const element = form({
    fields: [
      owner,
      short,
      kind,
      h('label', { class: 'check' }, alternative, h('span', {}, words.alternative)),
      h('p', {}, h('span', { class: 'muted' }, words.itsName, ' '), preview),
    ],
    submit: words.submit,
    cancel: () => dialog.close(),
    send: async () => {
      if (!/^[A-Za-z0-9]{1,80}$/.test(short.control.value)) {
        short.fail(words.lettersAndDigits(LONGEST));
        return false;
      }
      const view = await post('/applications', { name: made(), organisation_id: owner.control.value });
      dialog.close();
      toast(t.created(view.name));
      location.hash = `#/applications/${view.client_id}`;
      return true;
    },
  });
  element.addEventListener('input', refresh);
  const dialog = openDialog({ title: words.title, body: element });
  suggest();
  owner.control.focus();
}
