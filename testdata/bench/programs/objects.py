# SPDX-License-Identifier: Apache-2.0
"""What Python programs do all day, for scripts/bench: records, strings, dictionaries, JSON, sorting."""

import collections
import json
import random
import re


class Order:
    """A record with a few fields."""

    def __init__(self, number, customer, items):
        self.number = number
        self.customer = customer
        self.items = items

    def total(self):
        """The sum of its items."""
        return sum(item["price"] * item["count"] for item in self.items)

    def as_dict(self):
        """What is written as JSON."""
        return {"number": self.number, "customer": self.customer, "items": self.items, "total": self.total()}


def make_orders(source, number):
    """So many orders of 500 customers."""
    words = ["".join(source.choices("abcdefghijklmnop", k=7)) for _ in range(300)]
    return [Order(i, f"customer {source.randrange(500)}",
                  [{"name": source.choice(words), "price": source.randrange(1, 10_000) / 100, "count": source.randrange(1, 9)}
                   for _ in range(source.randrange(1, 6))])
            for i in range(number)]


def main():
    """Makes orders, writes and reads them as JSON, groups and sorts them, and counts words."""
    orders = make_orders(random.Random(1), 18_000)
    lines = [json.dumps(order.as_dict()) for order in orders]
    read = [json.loads(line) for line in lines]
    by_customer = collections.defaultdict(list)
    for record in read:
        by_customer[record["customer"]].append(record)
    best = sorted(by_customer.items(), key=lambda pair: -sum(record["total"] for record in pair[1]))
    names = collections.Counter(name for line in lines for name in re.findall(r'"name": "(\w+)"', line))
    table = "\n".join(f"{customer:>15} {len(records):5d} {sum(record['total'] for record in records):12.2f}"
                      for customer, records in best)
    print(len(table.upper().split()), names.most_common(1))


if __name__ == "__main__":
    main()
