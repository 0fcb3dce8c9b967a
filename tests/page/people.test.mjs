// As in secrets.test.mjs, beside it, against a demo of its own.

import './sign-in.mjs';
import './enrolment.mjs';
import './finding.mjs';
import './failures.mjs';
import './account.mjs';
import './directory.mjs';
import './team.mjs';
import './support.mjs';
