-- Reads the heartbeats that have not expired.
-- KEYS  1 heartbeats
-- ARGV  1 TTL of a heartbeat in ms
-- Returns for each, flat: id of the process, age in ms, text
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local all = content(redis.pcall('HGETALL', KEYS[1])) or {}
local reply = {}
for i = 1, #all, 2 do
  local at, text = string.match(all[i + 1], '^(%d+):(.*)$')
  -- After a failover, the clock may be behind the one that wrote it: a process that lives has written anew since.
  local age = at and math.abs(now - tonumber(at))
  if age and age <= tonumber(ARGV[1]) then
    reply[#reply + 1] = all[i]
    reply[#reply + 1] = age
    reply[#reply + 1] = text
  end
end
return reply
