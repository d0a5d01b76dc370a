-- Stores the marker of a receiver if the one before it is still there, and what was confirmed to it last. What was stored before
-- either has survived wherever that has: whatever a failover, a restart or a person takes away, the latest writes go first.
-- Each process has a field of its own, because two can share a key: those with copies of one data folder. A process that follows
-- another removes the fields of all, and the others look again for what is lost.
-- KEYS  1 markers   2 recalled set that holds what was confirmed last, any key without one
-- ARGV  1 new value   2 value that must be there, '' = none   3 TTL in ms   4 member that must be in the set, '' = none
--       5 time that it must have at least, in ms, unless what was recalled until then has ended with its group since
--       6 field of the value that must be there   7 field of the new value
-- Returns the value that was there, '' = none; and 1 if the new one was stored, else 0
local before = content(redis.pcall('HGET', KEYS[1], ARGV[6])) or ''
-- What no gateway wrote proves nothing.
if #before > 15 or not string.find(before, '^%d+$') then before = '' end
if before ~= ARGV[2] then return { before, 0 } end
if ARGV[4] ~= '' then
  local times = content(redis.pcall('ZMSCORE', KEYS[2], ARGV[4], 'ended')) or {}
  local at, ended = time_of(times[1]), time_of(times[2])
  if math.max(at or -math.huge, ended or -math.huge) < tonumber(ARGV[5]) then return { before, 0 } end
end
if ARGV[6] ~= ARGV[7] or not content(redis.pcall('HSET', KEYS[1], ARGV[7], ARGV[1])) then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], ARGV[7], ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { before, 1 }
