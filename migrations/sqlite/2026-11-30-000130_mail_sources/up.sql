-- From where somebody did what a mail tells of.
ALTER TABLE mails ADD COLUMN source TEXT;
