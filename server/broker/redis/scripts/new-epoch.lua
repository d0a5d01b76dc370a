-- Gives a log a new epoch, unless it no longer has the given one, and tells its listeners to read it. Notes which epoch it had,
-- and up to where both agree: what follows may be new to those who followed the log. If somebody else has just replaced it, that is
-- corrected: each receiver knows only its own recalls that were lost.
-- KEYS  1 head   2 channel
-- ARGV  1 epoch to replace   2 new epoch   3 last offset that is certainly as it was, '' = all are
-- Returns 1 if the epoch was replaced, else 0
local fields = content(redis.pcall('HMGET', KEYS[1], 'epoch', 'offset', 'was', 'from')) or {}
local epoch, offset = position(fields)
local agrees = tonumber(ARGV[3])
if epoch ~= ARGV[1] then
  if epoch and fields[3] == ARGV[1] and agrees and agrees < (tonumber(fields[4]) or 0) then
    redis.call('HSET', KEYS[1], 'from', string.format('%d', math.max(0, agrees)))
  end
  return 0
end
-- First, so that listeners are told if the rest is done: an error rolls nothing back. They read after this script.
redis.call('SPUBLISH', KEYS[2], 'look')
local from = math.max(0, math.min(agrees or offset, offset))
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'was', ARGV[1], 'from', string.format('%d', from))
return 1
