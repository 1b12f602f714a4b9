-- SPDX-License-Identifier: Apache-2.0
-- Rows, an index, joins, groups and updates in memory, for scripts/bench.
create table customer(id integer primary key, name text, city text);
create table sale(id integer primary key, customer integer, item text, price real, day integer);
with recursive number(n) as (select 1 union all select n + 1 from number where n < 5000)
insert into customer select n, 'customer ' || n, 'city ' || (n * 7919 % 97) from number;
with recursive number(n) as (select 1 union all select n + 1 from number where n < 200000)
insert into sale select n, n * 7907 % 5000 + 1, 'item ' || (n * 104729 % 1009), n * 31 % 9973 / 100.0, n % 365 from number;
create index sale_customer on sale(customer);
create index sale_item on sale(item, day);
select city, count(*), sum(price) from sale join customer on customer.id = sale.customer group by city order by 3 desc limit 5;
select item, day, max(price) from sale group by item, day order by 3 desc, 1, 2 limit 5;
update sale set price = price * 1.1 where item in (select item from sale group by item having count(*) > 99);
select group_concat(name, ', ') from (select name from customer where city = 'city 7' order by name);
select count(*) from (select distinct upper(item) || day from sale);
delete from sale where day % 3 = 0;
select count(*), round(avg(price), 2) from sale;
