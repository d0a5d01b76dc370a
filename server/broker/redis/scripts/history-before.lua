-- Reads the last entries of a log before an offset, and where the log ends.
-- KEYS  1 head   2 log
-- ARGV  1 offset before which to read   2 maximum number of entries   3 epoch for a log that has none   4 TTL of a head in s
--       5 TTL of a head whose log never had an entry, in s
-- Returns epoch, last offset, then for each entry, the last one first: its stream id, the entry
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[3])
local head = redis.call('HMGET', KEYS[1], 'epoch', 'offset')
redis.call('EXPIRE', KEYS[1], head[2] and ARGV[4] or ARGV[5])
local reply = { head[1], tonumber(head[2] or '0') }
local entries = redis.call('XREVRANGE', KEYS[2], string.format('(%s-0', ARGV[1]), '-', 'COUNT', ARGV[2])
for _, entry in ipairs(entries) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][2]
end
return reply
