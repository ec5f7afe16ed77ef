-- Records that were only seen again: each by itself, or some that belong together.
-- KEYS: the view's epoch. ARGV: the epoch expected, the view's prefix, then for each their number, and of each
--       record its key, its version as it was read, and its new value.
-- Returns 'epoch' where Redis lost its data, else the numbers (from 1) of those that met a conflict: nothing of them
-- is written.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
local call, prefix, conflicts, number, at = redis.call, ARGV[2], {}, 0, 3
while at <= #ARGV do
  local last = at + 3 * tonumber(ARGV[at])
  local fresh = true
  for i = at + 1, last, 3 do
    fresh = fresh and call('GETRANGE', prefix .. ARGV[i], '0', '7') == ARGV[i + 1]
  end
  number = number + 1
  if fresh then
    for i = at + 1, last, 3 do call('SET', prefix .. ARGV[i], ARGV[i + 2]) end
  else
    conflicts[#conflicts + 1] = number
  end
  at = last + 1
end
return conflicts
