UPDATE resources SET signing_algorithm = NULL WHERE signing_algorithm NOT IN ('ES256', 'RS256');
ALTER TABLE resources ADD CONSTRAINT resources_signing_algorithm_check
    CHECK (signing_algorithm IN ('ES256', 'RS256'));
