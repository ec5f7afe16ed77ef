-- Registers of what is claimed of identifiers, each by itself.
-- KEYS: the view's epoch, then the keys of registers. ARGV: the epoch expected, then for each key the value as it
--       was read (empty where there was none) and its new one.
-- Returns 'epoch' where Redis lost its data, else the numbers (from 1) of those that met a conflict.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
local conflicts = {}
for i = 2, #KEYS do
  if (redis.call('GET', KEYS[i]) or '') == ARGV[2 * i - 2] then
    redis.call('SET', KEYS[i], ARGV[2 * i - 1])
  else
    conflicts[#conflicts + 1] = i - 1
  end
end
return conflicts
