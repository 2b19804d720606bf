-- Probes go after an hour, however long no node ran to take them, and how old the oldest is is measured every hour:
-- neither may read the log for it.
create index event_log_probes on weir.event_log (received_at) where kind = 3;
