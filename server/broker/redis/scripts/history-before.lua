-- Reads the last entries of a log before an offset, and where the log ends.
-- KEYS  1 head   2 log
-- ARGV  1 offset before which to read   2 maximum number of entries   3 epoch for a log that has none   4 TTL of a head in s
--       5 TTL of a head whose log never had an entry, in s
-- Returns epoch, last offset, then for each entry, the last one first: its stream id, the entry
local epoch, last = position(content(redis.pcall('HMGET', KEYS[1], 'epoch', 'offset')) or {})
if not epoch then
  redis.call('DEL', KEYS[1])
  redis.call('HSETNX', KEYS[1], 'epoch', ARGV[3])
  epoch, last = ARGV[3], 0
end
redis.call('EXPIRE', KEYS[1], last > 0 and ARGV[4] or ARGV[5])
local reply = { epoch, last }
-- Nothing beyond the head belongs to this numbering.
local from = math.min(tonumber(ARGV[1]) - 1, last)
if from < 1 then return reply end
local entries = content(redis.pcall('XREVRANGE', KEYS[2], string.format('%d', from), '1', 'COUNT', ARGV[2])) or {}
for _, entry in ipairs(entries) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][2]
end
return reply
