-- Gives a log another epoch, unless it has another one already.
-- KEYS  1 head   2 channel
-- ARGV  1 epoch that it may still have   2 new epoch
-- Returns 1 if it was given, else 0
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
redis.call('SPUBLISH', KEYS[2], 'look')
return 1
