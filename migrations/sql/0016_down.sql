-- The version before cannot read these: it knows neither the ways nor the texts.
DELETE FROM care.outgoing_messages WHERE notice_channel_id IS NOT NULL OR wording = 'notice_channel_ended';
ALTER TABLE care.outgoing_messages
    DROP COLUMN notice_channel_id,
    DROP COLUMN notification_id,
    DROP CONSTRAINT ck_outgoing_messages_channel,
    ADD CONSTRAINT ck_outgoing_messages_channel CHECK (channel in ('email', 'push', 'gateway'));
ALTER TABLE care.webhook_endpoints DROP COLUMN trouble_told_at;
DROP TABLE care.notice_channels;
