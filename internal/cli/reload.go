package cli

import (
	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/client"
)

func (a *app) reload() *cobra.Command {
	cmd := a.command("reload object", "Read all records of an object again", "  syncline reload Account", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.Reload(cmd.Context(), a.connection, args[0]); err != nil {
				return err
			}
			return a.done("The reload begins. See how far it is: syncline status")
		})
	cmd.Long = "Reads all records of an object again and merges them into the table. Rows that\n" +
		"are equal are not touched, and the table stays in use. Then all Ids are compared,\n" +
		"and rows whose record is gone are removed; a great many are held for you to\n" +
		"decide (syncline brake). With the mapping's option truncate_first the table is\n" +
		"emptied before."
	return cmd
}
