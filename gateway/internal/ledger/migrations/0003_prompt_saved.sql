-- What the provider's prompt cache has saved, less what writing to it cost; 0 for what older
-- versions have recorded.
ALTER TABLE requests ADD COLUMN prompt_saved INTEGER NOT NULL DEFAULT 0;
