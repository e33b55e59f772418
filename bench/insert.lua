-- One INSERT after the other, each a transaction of its own, each with an id that no other has.
--   --first=N  where this run's ids begin
sysbench.cmdline.options = { first = { "the first id of this run", 0 } }

function thread_init()
  connection = sysbench.sql.driver():connect()
  next_id = sysbench.opt.first + sysbench.tid * 10000000
end

function event()
  next_id = next_id + 1
  connection:query(("INSERT INTO written VALUES (%d, %d, '%060d')"):format(next_id, sysbench.tid, next_id))
end

function thread_done()
  connection:disconnect()
end
