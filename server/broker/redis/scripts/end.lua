-- Ends a conversation of a group that was dismissed: drops what was recalled until then, a part at a time, and its log, which
-- continues under a new epoch. What was recalled later stays. Harmless if it is called again.
-- KEYS  1 recalled set   2 head   3 log   4 channel
-- ARGV  1 time of the end in ms   2 new epoch   3 TTL of a recalled set in ms, '0' = forever   4 TTL in ms of a recalled set
--       that holds nothing but its end   5 maximum number of seqs to drop in one call
-- Returns how many seqs are left to drop, or -1 if nothing is left in the set, not even later recalls
local marks = content(redis.pcall('ZMSCORE', KEYS[1], 'ended', 'dropped'))
if not marks then
  redis.call('DEL', KEYS[1])
  marks = {}
end
local ended = time_of(marks[1])
-- The log ends with the first call, and not again when an older end comes late.
if not ended or ended < tonumber(ARGV[1]) then
  redis.call('DEL', KEYS[3])
  local epoch, offset = position(content(redis.pcall('HMGET', KEYS[2], 'epoch', 'offset')) or {})
  if epoch then
    redis.call('HSET', KEYS[2], 'epoch', ARGV[2], 'prolong', '0', 'was', epoch, 'from', string.format('%d', offset))
  else
    redis.call('DEL', KEYS[2])
  end
  redis.call('SPUBLISH', KEYS[4], 'look')
  -- Last, because an error rolls nothing back.
  redis.call('ZADD', KEYS[1], ARGV[1], 'ended')
  ended = tonumber(ARGV[1])
end
-- Done before: what has come since is kept, to recognize its repeats.
if time_of(marks[2]) == ended then return 0 end
-- The end itself is one of these, and is written again.
local due, most = redis.call('ZCOUNT', KEYS[1], '-inf', string.format('%.0f', ended)), tonumber(ARGV[5])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, math.min(due, most) - 1)
redis.call('ZADD', KEYS[1], string.format('%.0f', ended), 'ended')
local later = redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', ended), '+inf')
if later == 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
elseif ARGV[3] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
if due > most then return due - most end
redis.call('ZADD', KEYS[1], string.format('%.0f', ended), 'dropped')
return later == 0 and -1 or 0
