-- Nodes that were seen again, each by itself.
-- KEYS: the view's epoch. ARGV: the epoch expected, the view's prefix, then for each node its key, its version
--       as it was read, and its new value.
-- Returns 'epoch' where Redis lost its data, else the numbers (from 1) of those that met a conflict.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
local call, prefix, conflicts = redis.call, ARGV[2], {}
for i = 3, #ARGV, 3 do
  local key = prefix .. ARGV[i]
  if call('GETRANGE', key, 0, 7) == ARGV[i + 1] then
    call('SET', key, ARGV[i + 2])
  else
    conflicts[#conflicts + 1] = i / 3
  end
end
return conflicts
