-- Stores an announcement and tells all processes to read it.
-- KEYS  1 announcements   2 channel
-- ARGV  1 text   2 maximum number stored   3 TTL of the announcements in s
-- Returns its id
local id = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[2], '*', 't', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('SPUBLISH', KEYS[2], 'look')
return id
