package schema

import "fmt"

// Demo adds the customisations of the demo org: custom fields on Account and
// Contact, and the object Project__c.
func Demo(c *Catalog) error {
	for object, list := range map[string][]def{"Account": demoAccount(), "Contact": demoContact(), "Opportunity": demoOpportunity()} {
		for _, d := range list {
			if err := c.AddField(object, *d.Field); err != nil {
				return fmt.Errorf("demo: %w", err)
			}
		}
	}
	if err := c.AddObject(projectObject()); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

func demoAccount() []def {
	return custom(
		text("External_ID__c", "External ID", 64).uniqueExternal(),
		double("Score__c", "Score", 18, 2),
		boolean("Active__c", "Active"),
		date("Customer_Since__c", "Customer Since"),
		datetime("Last_Review__c", "Last Review"),
		multi("Channels__c", "Channels", "Web", "Phone", "Email", "Partner", "Event"),
		area("Profile_Notes__c", "Profile Notes", 32000),
		percent("Discount__c", "Discount", 5, 2),
		currency("Credit_Limit__c", "Credit Limit", 16, 2),
		email("Billing_Email__c", "Billing Email"),
		pick("Tier__c", "Tier", 255, "Bronze", "Silver", "Gold", "Platinum").restricted(),
		text("Region_Label__c", "Region Label", 1300).formula("BillingState & '/' & BillingCountry"),
	)
}

func demoContact() []def {
	return custom(
		text("External_ID__c", "External ID", 64).uniqueExternal(),
		double("Loyalty_Points__c", "Loyalty Points", 10, 0),
		boolean("Newsletter__c", "Newsletter"),
		text("Account_Name__c", "Account Name", 1300).formula("Account.Name"),
	)
}

func demoOpportunity() []def {
	return custom(text("External_ID__c", "External ID", 64).uniqueExternal())
}

func projectObject() Object {
	own := custom(
		text("External_ID__c", "External ID", 64).uniqueExternal(),
		lookupTo("Account__c", "Account", "Account", "Projects__r"),
		pick("Status__c", "Status", 255, "Planned", "Active", "On Hold", "Done").restricted().deflt(Text("Planned")),
		currency("Budget__c", "Budget", 16, 2),
		date("Start__c", "Start"),
		boolean("Done__c", "Done"),
		area("Notes__c", "Notes", 32000),
	)
	o := customObject("Project__c", "Project", "Projects", "a00", text("Name", "Project Name", 80).auto().nullable().named().lookup())
	o.Fields = append(o.Fields, fields(own)...)
	return o
}

// customObject is a custom object with its system fields; name is the field
// Name, text or auto-number.
func customObject(name, label, plural, prefix string, nameField def) Object {
	o := standard(name, plural, prefix,
		id("Record ID"),
		ref("OwnerId", "Owner ID", "Owner", "Group", "User").auto(),
		isDeleted(),
		nameField,
		audit(),
		date("LastActivityDate", "Last Activity Date").ro(),
		viewed(),
	).labels(label, plural)
	o.Custom = true
	return o
}
