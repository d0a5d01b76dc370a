-- Reads what processes tell of themselves, as far as it is recent.
-- KEYS  1 reports
-- ARGV  1 life of a report in ms
-- Returns for each: id of the process, age in ms, text
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local all = redis.call('HGETALL', KEYS[1])
local answer = {}
for i = 1, #all, 2 do
  local at, text = string.match(all[i + 1], '^(%d+):(.*)$')
  local age = at and now - tonumber(at)
  if age and age <= tonumber(ARGV[1]) then
    answer[#answer + 1] = all[i]
    answer[#answer + 1] = age
    answer[#answer + 1] = text
  end
end
return answer
