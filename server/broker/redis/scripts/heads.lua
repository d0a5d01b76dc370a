-- Reads where logs end.
-- KEYS  heads
-- ARGV  1 epoch for a log that has none   2 TTL of a head in s   3 TTL of a head whose log never had an entry, in s
-- Returns epoch and last offset of each, flat
local positions = {}
for _, head in ipairs(KEYS) do
  redis.call('HSETNX', head, 'epoch', ARGV[1])
  local fields = redis.call('HMGET', head, 'epoch', 'offset')
  redis.call('EXPIRE', head, fields[2] and ARGV[2] or ARGV[3])
  positions[#positions + 1] = fields[1]
  positions[#positions + 1] = tonumber(fields[2] or '0')
end
return positions
