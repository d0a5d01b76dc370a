-- Gives a log a new epoch, unless it no longer has the given one, and tells its listeners to read it. Notes which epoch it had,
-- and up to where both agree: what follows may be new to those who followed the log.
-- KEYS  1 head   2 channel
-- ARGV  1 epoch to replace   2 new epoch   3 last offset that is certainly as it was, '' = all are
-- Returns 1 if the epoch was replaced, else 0
local epoch, offset = position(content(redis.pcall('HMGET', KEYS[1], 'epoch', 'offset')) or {})
if epoch ~= ARGV[1] then return 0 end
-- First, so that listeners are told if the rest is done: an error rolls nothing back. They read after this script.
redis.call('SPUBLISH', KEYS[2], 'look')
local from = math.max(0, math.min(tonumber(ARGV[3]) or offset, offset))
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'was', ARGV[1], 'from', string.format('%d', from))
return 1
