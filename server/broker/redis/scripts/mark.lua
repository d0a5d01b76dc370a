-- Stores the marker of a receiver if the one before it is still there. What was stored before a marker has survived wherever
-- the marker has: whatever a failover, a restart or a person takes away, the latest writes go first.
-- KEYS  1 marker
-- ARGV  1 new value   2 value that must be there, '' = none   3 TTL in ms
-- Returns the value that was there, '' = none
local before = content(redis.pcall('HGET', KEYS[1], 'value')) or ''
-- What no gateway wrote proves nothing.
if not string.find(before, '^%d+$') then before = '' end
if before ~= ARGV[2] then return before end
if not content(redis.pcall('HSET', KEYS[1], 'value', ARGV[1])) then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'value', ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return before
