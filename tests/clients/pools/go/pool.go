// Go's database/sql over go-sql-driver/mysql: its pool, with prepared statements and with values put into the text. Arguments:
// host port user password database. See tests/lib/pools.py.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"

	"github.com/go-sql-driver/mysql"
)

func must(err error) {
	if err != nil {
		fmt.Println("FAILED", err)
		os.Exit(1)
	}
}

func open(interpolate bool) *sql.DB {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = os.Args[3], os.Args[4], os.Args[5]
	config.Net, config.Addr = "tcp", os.Args[1]+":"+os.Args[2]
	config.InterpolateParams = interpolate
	db, err := sql.Open("mysql", config.FormatDSN())
	must(err)
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(2)
	db.SetConnMaxLifetime(2 * time.Second)
	return db
}

type executor interface {
	Exec(query string, args ...interface{}) (sql.Result, error)
}

func insert(to executor, text string, values ...interface{}) int64 {
	result, err := to.Exec(text, values...)
	must(err)
	id, err := result.LastInsertId()
	must(err)
	return id
}

func write(db *sql.DB, tag string) {
	must(db.Ping())
	var one, auto int
	var base string
	must(db.QueryRow("SELECT 1, DATABASE(), @@autocommit").Scan(&one, &base, &auto))
	prepared, err := db.Prepare("SELECT 1, DATABASE(), @@autocommit")
	must(err)
	must(prepared.QueryRow().Scan(&one, &base, &auto))
	must(prepared.Close())
	if one != 1 || base != os.Args[5] || auto != 1 {
		must(fmt.Errorf("a wrong answer: %d %s %d", one, base, auto))
	}
	tx, err := db.Begin()
	must(err)
	order := insert(tx, "INSERT INTO orders (note) VALUES (?)", tag)
	fmt.Println("order", order, tag)
	for n := 0; n < 2; n++ {
		name := fmt.Sprintf("%s %d", tag, n)
		fmt.Println("item", insert(tx, "INSERT INTO items (order_id, name) VALUES (?, ?)", order, name), order, name)
	}
	must(tx.Commit())
	fmt.Println("order", insert(db, "INSERT INTO orders (note) VALUES (?)", tag+" alone"), tag, "alone")
}

func main() {
	prepares, interpolates := open(false), open(true)
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		tag := asked.Text()
		write(prepares, tag+" prepared")
		write(interpolates, tag+" text")
		var held []*sql.Conn
		for n := 0; n < 2; n++ {
			one, err := prepares.Conn(context.Background())
			must(err)
			held = append(held, one)
		}
		write(prepares, tag+" more")
		for _, one := range held {
			must(one.Close())
		}
		fresh := open(false)
		write(fresh, tag+" fresh")
		must(fresh.Close())
		fmt.Println("done")
	}
}
