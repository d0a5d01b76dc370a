-- Reads a part of each of some logs, and where they end.
-- KEYS  for each log, up to 32: its head, the log
-- ARGV  1 epoch for a log that has none   2 TTL of a head in s   3 TTL of a head whose log never had an entry, in s
--       then for each log: offset of the first entry of the part, and of the last one; 100 entries at most
-- Returns for each log: epoch, last offset, and a list of its entries in this part: stream id, entry, flat
local reply = {}
local argument = 4
-- repeat log: 32 times, 2 keys on
if KEYS[1] then
  local epoch, offset = position(content(redis.pcall('HMGET', KEYS[1], 'epoch', 'offset')) or {})
  if not epoch then
    redis.call('DEL', KEYS[1])
    redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
    epoch, offset = ARGV[1], 0
  end
  redis.call('EXPIRE', KEYS[1], offset > 0 and ARGV[2] or ARGV[3])
  local first, part = tonumber(ARGV[argument]), {}
  -- Nothing beyond the head belongs to this numbering.
  local last = math.min(tonumber(ARGV[argument + 1]), offset)
  if first <= last then
    local from, to = string.format('%d', math.max(first, 1)), string.format('%d', last)
    local entries = content(redis.pcall('XRANGE', KEYS[2], from, to, 'COUNT', '100')) or {}
    for _, entry in ipairs(entries) do
      part[#part + 1] = entry[1]
      part[#part + 1] = entry[2][2]
    end
  end
  reply[#reply + 1] = epoch
  reply[#reply + 1] = offset
  reply[#reply + 1] = part
  argument = argument + 2
end
-- end log
return reply
