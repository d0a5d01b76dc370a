-- Gives a log a new epoch, unless it no longer has the given one, and tells its listeners to read it.
-- KEYS  1 head   2 channel
-- ARGV  1 epoch to replace   2 new epoch
-- Returns 1 if the epoch was replaced, else 0
if content(redis.pcall('HGET', KEYS[1], 'epoch')) ~= ARGV[1] then return 0 end
-- First, so that listeners are told if the rest is done: an error rolls nothing back. They read after this script.
redis.call('SPUBLISH', KEYS[2], 'look')
redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
return 1
