-- Reads the first entries of a log after an offset, and where the log ends.
-- KEYS  1 head   2 log
-- ARGV  1 offset after which to read   2 maximum number of entries   3 epoch for a log that has none   4 TTL of a head in s
--       5 TTL of a head whose log never had an entry, in s
-- Returns epoch, last offset, then for each entry, the first one first: its stream id, the entry
local epoch, last = position(content(redis.pcall('HMGET', KEYS[1], 'epoch', 'offset')) or {})
if not epoch then
  redis.call('DEL', KEYS[1])
  redis.call('HSETNX', KEYS[1], 'epoch', ARGV[3])
  epoch, last = ARGV[3], 0
end
redis.call('EXPIRE', KEYS[1], last > 0 and ARGV[4] or ARGV[5])
local reply = { epoch, last }
-- Nothing beyond the head belongs to this numbering.
local first = math.max(tonumber(ARGV[1]), 0) + 1
if first > last then return reply end
local from, to = string.format('%d', first), string.format('%d', last)
local entries = content(redis.pcall('XRANGE', KEYS[2], from, to, 'COUNT', ARGV[2])) or {}
for _, entry in ipairs(entries) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][2]
end
return reply
