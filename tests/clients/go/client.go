// Go's go-sql-driver/mysql through database/sql. Arguments: host port user password database.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

func must(err error) {
	if err != nil {
		fmt.Println("FAILED", err)
		os.Exit(1)
	}
}

func source(edit func(*mysql.Config)) string {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = os.Args[3], os.Args[4], os.Args[5]
	config.Net, config.Addr = "tcp", os.Args[1]+":"+os.Args[2]
	if os.Getenv("CLIENT_TLS") != "" {
		config.TLSConfig = "skip-verify"
	}
	if edit != nil {
		edit(config)
	}
	return config.FormatDSN()
}

func open(edit func(*mysql.Config)) *sql.DB {
	db, err := sql.Open("mysql", source(edit))
	must(err)
	return db
}

func short(value interface{}) string {
	switch one := value.(type) {
	case []byte:
		if len(one) > 100 {
			return fmt.Sprintf("<%d bytes>", len(one))
		}
		return fmt.Sprintf("%q", one)
	default:
		return fmt.Sprintf("%v", value)
	}
}

func printRows(rows *sql.Rows, err error) {
	if err != nil {
		fmt.Println("  error", err)
		return
	}
	defer rows.Close()
	for more := true; more; more = rows.NextResultSet() {
		types, err := rows.ColumnTypes()
		must(err)
		for _, one := range types {
			nullable, _ := one.Nullable()
			precision, scale, _ := one.DecimalSize()
			fmt.Println("  column", one.Name(), one.DatabaseTypeName(), one.ScanType(), nullable, precision, scale)
		}
		values := make([]interface{}, len(types))
		into := make([]interface{}, len(types))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			must(rows.Scan(into...))
			fmt.Print("  row")
			for _, one := range values {
				fmt.Print(" ", short(one))
			}
			fmt.Println()
		}
	}
	if rows.Err() != nil {
		fmt.Println("  error", rows.Err())
	}
}

type runner interface {
	ExecContext(context.Context, string, ...interface{}) (sql.Result, error)
	QueryContext(context.Context, string, ...interface{}) (*sql.Rows, error)
}

func exec(on runner, text string, values ...interface{}) {
	fmt.Printf("> %.70s\n", text)
	result, err := on.ExecContext(context.Background(), text, values...)
	if err != nil {
		var refused *mysql.MySQLError
		fmt.Println("  error", err, errors.As(err, &refused))
		return
	}
	id, _ := result.LastInsertId()
	rows, _ := result.RowsAffected()
	fmt.Println("  affected", rows, "id", id)
}

func query(on runner, text string, values ...interface{}) {
	fmt.Printf("> %.70s\n", text)
	rows, err := on.QueryContext(context.Background(), text, values...)
	printRows(rows, err)
}

const insertTyped = "INSERT INTO typed (i, u, f, n, s, b, d, m, j, o) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

func types(db *sql.DB) {
	exec(db, "DROP TABLE IF EXISTS typed, loaded")
	exec(db, `CREATE TABLE typed (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, u BIGINT UNSIGNED, f DOUBLE, n DECIMAL(20,5),
		s VARCHAR(50), b LONGBLOB, d DATE, m DATETIME(6), j JSON, o BOOLEAN)`)
	moment := time.Date(1999, 12, 31, 23, 59, 58, 999999000, time.UTC)
	exec(db, insertTyped, int64(-1<<63), uint64(1<<64-1), 1.5e-300, "-12345.67891", "ä€😀'\"\\\n", []byte{0, 255, '\'', 26},
		"2024-02-29", moment, `{"a": [1, null]}`, true)
	exec(db, insertTyped, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
	exec(db, "INSERT INTO typed (b) VALUES (?)", []byte(strings.Repeat("blob", 1<<18)))
	query(db, "SELECT * FROM typed")
	query(db, "SELECT * FROM typed WHERE id > ?", 0)
	statement, err := db.Prepare("INSERT INTO typed (i, s) VALUES (?, ?)")
	must(err)
	for i := 0; i < 100; i++ {
		_, err = statement.Exec(i, fmt.Sprint("row ", i))
		must(err)
	}
	must(statement.Close())
	query(db, "SELECT COUNT(*), SUM(i) FROM typed")
}

func transactions(db *sql.DB) {
	tx, err := db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelSerializable})
	must(err)
	exec(tx, "DELETE FROM typed WHERE id > ?", 2)
	query(db, "SELECT COUNT(*) FROM typed")
	must(tx.Rollback())
	tx, err = db.Begin()
	must(err)
	exec(tx, "DELETE FROM typed WHERE id > 50")
	must(tx.Commit())
	query(db, "SELECT COUNT(*) FROM typed")
	tx, err = db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
	must(err)
	exec(tx, "DELETE FROM typed")
	must(tx.Rollback())
}

func errorsAndResults(db *sql.DB) {
	for _, bad := range []string{"INSERT INTO typed (id) VALUES (1)", "SELEC 1", "SELECT * FROM nowhere"} {
		exec(db, bad)
		query(db, bad+" -- with a parameter ?", 1)
	}
	query(db, "SELECT 1; SELECT 'two', NULL; SELECT 3")
	exec(db, "INSERT INTO typed (i) VALUES (1); INSERT INTO typed (i) VALUES (2), (3)")
	exec(db, "DROP PROCEDURE IF EXISTS two")
	exec(db, "CREATE PROCEDURE two(IN a INT, OUT b INT) BEGIN SELECT a; SELECT a + 1, 'next'; SET b = a * 2; END")
	connection, err := db.Conn(context.Background())
	must(err)
	query(connection, "CALL two(5, @out)")
	query(connection, "CALL two(?, @out)", 6)
	query(connection, "SELECT @out")
	must(connection.Close())
}

func localFile(db *sql.DB) {
	exec(db, "CREATE TABLE loaded (a INT, b VARCHAR(20))")
	mysql.RegisterLocalFile(os.Getenv("CLIENT_FILE"))
	exec(db, "LOAD DATA LOCAL INFILE '"+os.Getenv("CLIENT_FILE")+"' INTO TABLE loaded FIELDS TERMINATED BY ','")
	exec(db, "LOAD DATA LOCAL INFILE '/nowhere/at/all' INTO TABLE loaded")
	rows, err := db.Query("SELECT a, REPEAT('s', 50) FROM loaded WHERE a >= ?", 0)
	must(err)
	count := 0
	for rows.Next() {
		count++
	}
	must(rows.Close())
	fmt.Println("streamed", count)
	rows, err = db.Query("SELECT a FROM loaded")
	must(err)
	rows.Next()
	must(rows.Close()) // with most of it unread
}

func cancel(db *sql.DB) {
	limit, stop := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer stop()
	_, err := db.ExecContext(limit, "SELECT SLEEP(30)")
	fmt.Println("cancelled:", err)
	query(db, "SELECT 'after it'")
}

func session() {
	db := open(func(config *mysql.Config) {
		config.ParseTime, config.Params = true, map[string]string{"time_zone": "'+02:00'", "sql_mode": "'ANSI_QUOTES'"}
		config.Collation = "utf8mb4_unicode_ci"
	})
	must(db.Ping())
	query(db, "SELECT @@time_zone, @@sql_mode, @@collation_connection, CAST('2024-02-29 12:00:00' AS DATETIME)")
	must(db.Close())
	fmt.Println("wrong password:", strings.SplitN(open(func(config *mysql.Config) { config.Passwd = "wrong" }).Ping().Error(), ":", 2)[0])
	fmt.Println("no such database:", open(func(config *mysql.Config) { config.DBName = "no_such" }).Ping())
}

func main() {
	db := open(func(config *mysql.Config) { config.MultiStatements = true })
	types(db)
	transactions(db)
	errorsAndResults(db)
	localFile(db)
	cancel(db)
	must(db.Close())
	interpolating := open(func(config *mysql.Config) { config.InterpolateParams, config.ClientFoundRows = true, true })
	types(interpolating)
	must(interpolating.Close())
	session()
	fmt.Println("done")
}
