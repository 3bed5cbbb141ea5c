CREATE TABLE care.notice_channels (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    address_sealed BYTEA NOT NULL,
    events TEXT[] NOT NULL,
    locale TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_notice_channels PRIMARY KEY (clinic_id, id),
    CONSTRAINT ck_notice_channels_kind CHECK (kind in ('email', 'slack', 'teams')),
    CONSTRAINT ck_notice_channels_state CHECK (state in ('enabled', 'ended')),
    CONSTRAINT fk_notice_channels_clinic_id FOREIGN KEY(clinic_id) REFERENCES front_desk.clinics (id)
);

ALTER TABLE care.outgoing_messages
    DROP CONSTRAINT ck_outgoing_messages_channel,
    ADD CONSTRAINT ck_outgoing_messages_channel CHECK (channel in ('email', 'push', 'gateway', 'slack', 'teams')),
    ADD COLUMN notice_channel_id UUID,
    ADD COLUMN notification_id UUID,
    ADD CONSTRAINT fk_outgoing_messages_clinic_id_notification_id FOREIGN KEY(clinic_id, notification_id)
        REFERENCES care.notifications (clinic_id, id);

-- Of one cause, a channel is told once.
CREATE UNIQUE INDEX uq_outgoing_messages_cause ON care.outgoing_messages (clinic_id, notice_channel_id, notification_id)
    WHERE notice_channel_id IS NOT NULL;
CREATE INDEX ix_outgoing_messages_notice ON care.outgoing_messages (clinic_id, notice_channel_id, state, sent_at)
    WHERE notice_channel_id IS NOT NULL;
CREATE INDEX ix_outgoing_messages_notification ON care.outgoing_messages (clinic_id, notification_id)
    WHERE notification_id IS NOT NULL;

ALTER TABLE care.webhook_endpoints ADD COLUMN trouble_told_at TIMESTAMP WITH TIME ZONE;
