package schema

import (
	"fmt"
	"slices"
	"time"
)

// Standard is a fresh catalog with the standard objects and nothing custom. now
// stamps later edits (nil: time.Now).
func Standard(now func() time.Time) *Catalog {
	c := NewCatalog(now)
	for _, o := range standardObjects() {
		o.Mergeable = slices.Contains([]string{"Account", "Contact", "Lead"}, o.Name)
		o.FeedEnabled = slices.Contains([]string{"Account", "Contact", "Lead", "Opportunity", "Case"}, o.Name)
		if err := c.AddObject(o); err != nil {
			panic(fmt.Sprintf("standard objects: %v", err)) // a slip in the tables of this package
		}
	}
	return c
}

func standardObjects() []Object {
	return []Object{
		accountObject(), contactObject(), opportunityObject(), leadObject(), caseObject(),
		taskObject(), eventObject(), campaignObject(), campaignMemberObject(),
		product2Object(), pricebook2Object(), pricebookEntryObject(), opportunityLineItemObject(),
		orderObject(), orderItemObject(), contractObject(), assetObject(),
		opportunityContactRoleObject(), attachmentObject(), contentVersionObject(), noteObject(),
		userObject(), organizationObject(), recordTypeObject(), profileObject(), groupObject(),
		userRoleObject(), assignmentRuleObject(), nameObject(),
	}
}

// NameObject is the object whose fields stand for any record behind a
// polymorphic lookup (Owner.Name, What.Type).
const NameObject = "Name"

func nameObject() Object {
	o := standard(NameObject, "Names", "",
		id("Name ID"),
		text("Name", "Name", 255).ro().named(),
		text("LastName", "Last Name", 80).ro(),
		text("FirstName", "First Name", 40).ro(),
		pick("Type", "Type", 40).ro(),
		text("Alias", "Alias", 8).ro(),
		ref("UserRoleId", "Role ID", "UserRole", "UserRole").ro(),
		boolean("IsActive", "Active").ro(),
		ref("ProfileId", "Profile ID", "Profile", "Profile").ro(),
		text("Title", "Title", 128).ro(),
		email("Email", "Email").ro(),
		phone("Phone", "Phone").ro(),
		text("Username", "Username", 80).ro(),
	)
	o.Createable, o.Updateable, o.Deletable, o.Undeletable = false, false, false, false
	o.Queryable, o.Retrieveable, o.Replicateable, o.Searchable = false, false, false, false
	o.Triggerable, o.Layoutable = false, false
	return o
}

func opportunityContactRoleObject() Object {
	return standard("OpportunityContactRole", "Opportunity Contact Roles", "00K",
		id("Contact Role ID"),
		ref("OpportunityId", "Opportunity ID", "Opportunity", "Opportunity").children("OpportunityContactRoles").cascades().createOnly().req(),
		ref("ContactId", "Contact ID", "Contact", "Contact").children("OpportunityContactRoles").cascades().req(),
		pick("Role", "Role", 255, "Business User", "Decision Maker", "Economic Buyer", "Economic Decision Maker",
			"Evaluator", "Executive Sponsor", "Influencer", "Technical Buyer", "Other"),
		boolean("IsPrimary", "Primary").always(),
		audit(),
		isDeleted(),
	)
}

// documentParents are the objects that notes and attachments hang on.
func documentParents() []string {
	return []string{"Account", "Asset", "Campaign", "Case", "Contact", "Contract", "Event", "Lead",
		"Opportunity", "Order", "Product2", "Task"}
}

func attachmentObject() Object {
	return standard("Attachment", "Attachments", "00P",
		id("Attachment ID"),
		isDeleted(),
		ref("ParentId", "Parent ID", "Parent", documentParents()...).children("Attachments").cascades().createOnly().req(),
		text("Name", "File Name", 255).req().named(),
		boolean("IsPrivate", "Private").always(),
		text("ContentType", "Content Type", 120).always(),
		integer("BodyLength", "Body Length", 9).ro(),
		blob("Body", "Body").req(),
		ref("OwnerId", "Owner ID", "Owner", "User").auto(),
		audit(),
		text("Description", "Description", 500).always(),
	)
}

func noteObject() Object {
	return standard("Note", "Notes", "002",
		id("Note Id"),
		isDeleted(),
		ref("ParentId", "Parent ID", "Parent", documentParents()...).children("Notes").cascades().createOnly().req(),
		text("Title", "Title", 80).req().named(),
		boolean("IsPrivate", "Private").always(),
		area("Body", "Body", 32000).always(),
		ref("OwnerId", "Owner ID", "Owner", "User").auto(),
		audit(),
	)
}

func contentVersionObject() Object {
	return standard("ContentVersion", "Content Versions", "068",
		id("ContentVersion ID"),
		text("ContentDocumentId", "ContentDocument ID", 18).createOnly().always(),
		boolean("IsLatest", "Is Latest").ro(),
		url("ContentUrl", "Content URL").createOnly().always(),
		text("VersionNumber", "Version Number", 20).ro(),
		text("Title", "Title", 255).req().named(),
		area("Description", "Description", 1000).always(),
		area("ReasonForChange", "Reason For Change", 1000).always(),
		text("PathOnClient", "Path On Client", 500).createOnly().always(),
		ref("OwnerId", "Owner ID", "Owner", "User").auto(),
		text("FileType", "File Type", 20).ro(),
		text("FileExtension", "File Extension", 40).ro(),
		integer("ContentSize", "Size", 9).ro(),
		text("Checksum", "Checksum", 50).ro(),
		ref("FirstPublishLocationId", "First Publish Location ID", "FirstPublishLocation", documentParents()...).createOnly().always(),
		blob("VersionData", "Version Data").createOnly().always(),
		audit(),
		isDeleted(),
	)
}

func profileObject() Object {
	o := standard("Profile", "Profile", "00e",
		id("Profile ID"),
		text("Name", "Name", 255).req().named().lookup(),
		boolean("PermissionsApiEnabled", "API Enabled").always(),
		boolean("PermissionsViewAllData", "View All Data").always(),
		boolean("PermissionsModifyAllData", "Modify All Data").always(),
		pick("UserType", "User Type", 40, "Standard", "PowerPartner", "CustomerSuccess", "Guest").ro().restricted(),
		text("Description", "Description", 255).always(),
		audit(),
		viewed(),
	).setup()
	o.Replicateable, o.Triggerable = false, false
	return o
}

func groupObject() Object {
	o := standard("Group", "Group", "00G",
		id("Group ID"),
		text("Name", "Name", 40).req().named(),
		text("DeveloperName", "Developer Name", 80).always(),
		pick("Type", "Type", 40, "Regular", "Role", "RoleAndSubordinates", "Organization", "Queue").createOnly().deflt(Text("Regular")).always(),
		email("Email", "Email").always(),
		ref("OwnerId", "Owner ID", "Owner", "User").ro(),
		boolean("DoesSendEmailToMembers", "Send Email to Members").always(),
		boolean("DoesIncludeBosses", "Include Bosses").always(),
		audit(),
	).setup()
	o.Deletable, o.Replicateable = true, false
	return o
}

func userRoleObject() Object {
	o := standard("UserRole", "Role", "00E",
		id("Role ID"),
		text("Name", "Name", 80).req().named(),
		ref("ParentRoleId", "Parent Role ID", "", "UserRole").always(),
		text("RollupDescription", "Description", 80).always(),
		pick("OpportunityAccessForAccountOwner", "Opportunity Access Level for Account Owner", 40, "None", "Read", "Edit").auto().deflt(Text("Edit")),
		datetime("LastModifiedDate", "Last Modified Date").ro().auto(),
		ref("LastModifiedById", "Last Modified By ID", "LastModifiedBy", "User").ro().auto(),
		datetime("SystemModstamp", "System Modstamp").ro().auto(),
		text("DeveloperName", "Developer Name", 80).always(),
	).setup().labels("Role", "Role")
	o.Deletable, o.Replicateable = true, false
	return o
}
